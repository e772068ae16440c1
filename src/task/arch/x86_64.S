/* The switch for x86-64, System V ABI. context.c knows the layout of the frame:

       sp + 56   where to go on
       sp + 48   rbp
       sp + 40   rbx
       sp + 32   r12
       sp + 24   r13
       sp + 16   r14
       sp + 8    r15
       sp + 4    x87 control word
       sp        MXCSR

   The red zone needs no care: a call ends it. */
#if defined(__x86_64__) && !defined(__ILP32__) && !DURE_UCONTEXT

        .text

/* void context_switch(struct context *from, const struct context *to) */
        .globl  context_switch
        .hidden context_switch
        .type   context_switch, @function
        .p2align 4
context_switch:
        .cfi_startproc
        endbr64
        pushq   %rbp
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbp, 0
        pushq   %rbx
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbx, 0
        pushq   %r12
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r12, 0
        pushq   %r13
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r13, 0
        pushq   %r14
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r14, 0
        pushq   %r15
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r15, 0
        subq    $8, %rsp
        .cfi_adjust_cfa_offset 8
        stmxcsr (%rsp)
        fnstcw  4(%rsp)

        /* From here on the frame is the other one's. It has the same shape, so what was said
           about it above stays true for the unwinder. */
        movq    %rsp, (%rdi)
        movq    (%rsi), %rsp

        ldmxcsr (%rsp)
        fldcw   4(%rsp)
        addq    $8, %rsp
        .cfi_adjust_cfa_offset -8
        popq    %r15
        .cfi_adjust_cfa_offset -8
        .cfi_same_value %r15
        popq    %r14
        .cfi_adjust_cfa_offset -8
        .cfi_same_value %r14
        popq    %r13
        .cfi_adjust_cfa_offset -8
        .cfi_same_value %r13
        popq    %r12
        .cfi_adjust_cfa_offset -8
        .cfi_same_value %r12
        popq    %rbx
        .cfi_adjust_cfa_offset -8
        .cfi_same_value %rbx
        popq    %rbp
        .cfi_adjust_cfa_offset -8
        .cfi_same_value %rbp
        /* ret, though the processor predicts a return to our own caller: tasks park through the
           same few frames, so the prediction is right for this return and for those that follow
           it. A jump would leave the predictor one frame off for all of them: measured on Zen 4,
           two tasks that yield once each take 58 ns with it, 24 with ret. */
        ret
        .cfi_endproc
        .size   context_switch, . - context_switch

/* Where a new context begins: r12 is its entry, r13 the argument, and the stack is aligned. */
        .globl  context_entry
        .hidden context_entry
        .type   context_entry, @function
        .p2align 4
        .cfi_startproc
        .cfi_undefined %rip
        nop     /* Unwinders look up the return address less one: it must lie in here too. */
context_entry:
        endbr64
        movq    %r13, %rdi
        xorl    %ebp, %ebp
        /* Not a call: the entry never returns, and an entry too many in the processor's stack of
           return addresses makes the next few returns of whoever runs after this context wrong. */
        leaq    context_end(%rip), %rax
        pushq   %rax
        jmpq    *%r12
context_end:
        ud2
        .cfi_endproc
        .size   context_entry, . - context_entry

        .section .note.GNU-stack, "", @progbits

/* Ready for indirect branch tracking; not for shadow stacks, of which a switch would need a
   second one: the linker then leaves them off for the whole program. */
        .section .note.gnu.property, "a"
        .p2align 3
        .long   4               /* the name's length */
        .long   16              /* the description's */
        .long   5               /* NT_GNU_PROPERTY_TYPE_0 */
        .asciz  "GNU"
        .long   0xc0000002      /* GNU_PROPERTY_X86_FEATURE_1_AND */
        .long   4
        .long   1               /* GNU_PROPERTY_X86_FEATURE_1_IBT */
        .long   0
#elif defined(__linux__) && defined(__ELF__)
        .section .note.GNU-stack, "", %progbits
#endif
