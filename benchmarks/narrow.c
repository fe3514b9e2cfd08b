/* A CPU with fewer instructions than this one has, for the benchmark narrow.py; Linux on x86-64 with CPUID faulting.
 *     cc -O2 -shared -fPIC narrow.c -o narrow.so && NARROW=avx LD_PRELOAD=./narrow.so python ...
 * The kernel is asked to fault each CPUID instruction; a handler runs it and takes features out of its answer, so that
 * ONNX Runtime, numpy and OpenBLAS choose the code that they would choose on an older CPU. NARROW names what is left:
 * avx512 (no VNNI, no AMX), avx2, avx (no FMA, too) or sse. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum { ARCH_SET_CPUID = 0x1012 };
enum { EAX, EBX, ECX, EDX };
#define BIT(n) (1u << (n))

static const char *const LEVELS[] = {"sse", "avx", "avx2", "avx512"};
static int level = 4; /* index of what is left */

/* Features of leaf 1, 7.0 and 7.1 that need more than a level. */
static const struct { uint32_t leaf, part, word, bits; int level; } FEATURES[] = {
    {1, 0, ECX, BIT(28), 1},                                                         /* AVX */
    {1, 0, ECX, BIT(29), 1},                                                         /* F16C */
    {1, 0, ECX, BIT(12), 2},                                                         /* FMA */
    {7, 0, EBX, BIT(5), 2},                                                          /* AVX2 */
    {7, 0, EBX, BIT(16) | BIT(17) | BIT(21) | BIT(26) | BIT(27) | BIT(28) | BIT(30) | BIT(31), 3}, /* AVX-512 */
    {7, 0, ECX, BIT(1) | BIT(6) | BIT(8) | BIT(9) | BIT(10) | BIT(12) | BIT(14), 3}, /* VBMI and others */
    {7, 0, ECX, BIT(11), 4},                                                         /* AVX-512 VNNI */
    {7, 0, EDX, BIT(2) | BIT(3) | BIT(23), 4},                                       /* 4VNNIW, 4FMAPS, FP16 */
    {7, 0, EDX, BIT(22) | BIT(24) | BIT(25), 4},                                     /* AMX */
    {7, 1, EAX, BIT(4) | BIT(5) | BIT(21) | BIT(23), 4},         /* AVX-VNNI, AVX-512 BF16, AMX-FP16, AVX-IFMA */
    {7, 1, EDX, BIT(4) | BIT(5) | BIT(10), 4},                   /* AVX-VNNI-INT8, AVX-NE-CONVERT, AVX-VNNI-INT16 */
};

static int fault(long enabled) { return (int)syscall(SYS_arch_prctl, ARCH_SET_CPUID, !enabled); }

static void narrowed(uint32_t leaf, uint32_t part, uint32_t words[4]) {
    fault(0);
    __asm__ volatile("cpuid" : "=a"(words[0]), "=b"(words[1]), "=c"(words[2]), "=d"(words[3]) : "a"(leaf), "c"(part));
    fault(1);
    for (size_t i = 0; i < sizeof FEATURES / sizeof *FEATURES; i++)
        if (FEATURES[i].leaf == leaf && (leaf == 1 || FEATURES[i].part == part) && FEATURES[i].level > level)
            words[FEATURES[i].word] &= ~FEATURES[i].bits;
}

static void handle(int number, siginfo_t *info, void *context) {
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    const uint8_t *place = (const uint8_t *)registers[REG_RIP];
    uint32_t words[4];
    (void)info;
    if (place[0] != 0x0F || place[1] != 0xA2) { /* no CPUID: a true fault */
        signal(number, SIG_DFL);
        return;
    }
    narrowed((uint32_t)registers[REG_RAX], (uint32_t)registers[REG_RCX], words);
    registers[REG_RAX] = words[EAX], registers[REG_RBX] = words[EBX];
    registers[REG_RCX] = words[ECX], registers[REG_RDX] = words[EDX];
    registers[REG_RIP] += 2;
}

__attribute__((constructor)) static void begin(void) {
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_NODEFER};
    const char *wanted = getenv("NARROW");
    if (!wanted || !*wanted) return;
    for (level = 0; level < 4 && strcmp(LEVELS[level], wanted); level++) continue;
    if (level == 4) fprintf(stderr, "NARROW must be avx512, avx2, avx or sse, got %s\n", wanted), _exit(2);
    sigaction(SIGSEGV, &action, NULL);
    if (fault(1)) fputs("this CPU or kernel has no CPUID faulting\n", stderr), _exit(3);
}
