/* Where a new context begins: on its stack lie its entry and the argument. */
        .text
        .globl  context_entry
        .hidden context_entry
        .type   context_entry, @function
        .p2align 4
        .cfi_startproc
        .cfi_undefined %rip
        nop     /* Unwinders look up the return address less one: it must lie in here too. */
context_entry:
        endbr64
        popq    %rax
        popq    %rdi
        xorl    %ebp, %ebp
        /* Not a call: the entry never returns, and an entry too many in the processor's stack of
           return addresses makes the next few returns of whoever runs after this context wrong. */
        leaq    .Lend(%rip), %rcx
        pushq   %rcx
        jmpq    *%rax
.Lend:
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
