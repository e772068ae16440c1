/* The switch for 64-bit ARM. context.c knows the layout of the frame:

       sp + 160  fpcr
       sp + 96   d8 to d15
       sp + 80   x29, x30 (where to go on)
       sp        x19 to x28 */
#if defined(__aarch64__) && !defined(__ILP32__) && !DURE_UCONTEXT

#define FRAME_SIZE 176

        .text

/* void context_switch(struct context *from, const struct context *to) */
        .globl  context_switch
        .hidden context_switch
        .type   context_switch, %function
        .p2align 4
context_switch:
        .cfi_startproc
        hint    #34                     /* bti c */
        sub     sp, sp, #FRAME_SIZE
        .cfi_def_cfa_offset FRAME_SIZE
        stp     x19, x20, [sp, #0]
        stp     x21, x22, [sp, #16]
        stp     x23, x24, [sp, #32]
        stp     x25, x26, [sp, #48]
        stp     x27, x28, [sp, #64]
        stp     x29, x30, [sp, #80]
        stp     d8, d9, [sp, #96]
        stp     d10, d11, [sp, #112]
        stp     d12, d13, [sp, #128]
        stp     d14, d15, [sp, #144]
        mrs     x9, fpcr
        str     x9, [sp, #160]
        .cfi_rel_offset x19, 0
        .cfi_rel_offset x20, 8
        .cfi_rel_offset x21, 16
        .cfi_rel_offset x22, 24
        .cfi_rel_offset x23, 32
        .cfi_rel_offset x24, 40
        .cfi_rel_offset x25, 48
        .cfi_rel_offset x26, 56
        .cfi_rel_offset x27, 64
        .cfi_rel_offset x28, 72
        .cfi_rel_offset x29, 80
        .cfi_rel_offset x30, 88
        .cfi_rel_offset d8, 96
        .cfi_rel_offset d9, 104
        .cfi_rel_offset d10, 112
        .cfi_rel_offset d11, 120
        .cfi_rel_offset d12, 128
        .cfi_rel_offset d13, 136
        .cfi_rel_offset d14, 144
        .cfi_rel_offset d15, 152

        /* From here on the frame is the other one's. It has the same shape, so what was said
           about it above stays true for the unwinder. */
        mov     x10, sp
        str     x10, [x0]
        ldr     x10, [x1]
        mov     sp, x10

        /* Writing fpcr stalls many processors: only when it differs. */
        ldr     x10, [sp, #160]
        cmp     x9, x10
        b.eq    1f
        msr     fpcr, x10
1:      ldp     x19, x20, [sp, #0]
        ldp     x21, x22, [sp, #16]
        ldp     x23, x24, [sp, #32]
        ldp     x25, x26, [sp, #48]
        ldp     x27, x28, [sp, #64]
        ldp     x29, x30, [sp, #80]
        ldp     d8, d9, [sp, #96]
        ldp     d10, d11, [sp, #112]
        ldp     d12, d13, [sp, #128]
        ldp     d14, d15, [sp, #144]
        add     sp, sp, #FRAME_SIZE
        .cfi_def_cfa_offset 0
        .cfi_same_value x19
        .cfi_same_value x20
        .cfi_same_value x21
        .cfi_same_value x22
        .cfi_same_value x23
        .cfi_same_value x24
        .cfi_same_value x25
        .cfi_same_value x26
        .cfi_same_value x27
        .cfi_same_value x28
        .cfi_same_value x29
        .cfi_same_value x30
        .cfi_same_value d8
        .cfi_same_value d9
        .cfi_same_value d10
        .cfi_same_value d11
        .cfi_same_value d12
        .cfi_same_value d13
        .cfi_same_value d14
        .cfi_same_value d15
        /* ret and not br: br to the address behind a call would trap where branch targets are
           enforced. */
        ret
        .cfi_endproc
        .size   context_switch, . - context_switch

/* Where a new context begins: x19 is its entry, x20 the argument. */
        .globl  context_entry
        .hidden context_entry
        .type   context_entry, %function
        .p2align 4
        .cfi_startproc
        .cfi_undefined x30
        nop     /* Unwinders look up the return address less one: it must lie in here too. */
context_entry:
        hint    #36                     /* bti j */
        mov     x0, x20
        mov     x29, xzr
        mov     x30, xzr
        blr     x19
        brk     #1
        .cfi_endproc
        .size   context_entry, . - context_entry

        .section .note.GNU-stack, "", %progbits

/* Ready for branch target identification; return addresses are not signed here. */
        .section .note.gnu.property, "a"
        .p2align 3
        .long   4               /* the name's length */
        .long   16              /* the description's */
        .long   5               /* NT_GNU_PROPERTY_TYPE_0 */
        .asciz  "GNU"
        .long   0xc0000000      /* GNU_PROPERTY_AARCH64_FEATURE_1_AND */
        .long   4
        .long   1               /* GNU_PROPERTY_AARCH64_FEATURE_1_BTI */
        .long   0
#elif defined(__linux__) && defined(__ELF__)
        .section .note.GNU-stack, "", %progbits
#endif
