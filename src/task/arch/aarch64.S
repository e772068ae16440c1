/* Where a new context begins: on its stack lie its entry and the argument. */
        .text
        .globl  context_entry
        .hidden context_entry
        .type   context_entry, %function
        .p2align 4
        .cfi_startproc
        .cfi_undefined x30
        nop     /* Unwinders look up the return address less one: it must lie in here too. */
context_entry:
        hint    #36                     /* bti j */
        ldp     x9, x0, [sp], #16
        mov     x29, xzr
        mov     x30, xzr
        blr     x9
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
