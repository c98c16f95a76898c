/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The feature flags by name, and the CPU models. Bits: Intel SDM volume 2, CPUID; AMD APM volume 3,
 * appendix E; KVM's own: Documentation/virt/kvm/x86/cpuid.rst. Names are QEMU's.
 */
#include "cpuid.h"

#define F1D(feature, n)                                                                            \
    {                                                                                              \
        .name = (feature), .leaf = 1, .reg = CPUID_EDX, .bit = (n)                                 \
    }
#define F1C(feature, n)                                                                            \
    {                                                                                              \
        .name = (feature), .leaf = 1, .reg = CPUID_ECX, .bit = (n)                                 \
    }
#define F6A(feature, n)                                                                            \
    {                                                                                              \
        .name = (feature), .leaf = 6, .reg = CPUID_EAX, .bit = (n)                                 \
    }
#define F7B(feature, n)                                                                            \
    {                                                                                              \
        .name = (feature), .leaf = 7, .reg = CPUID_EBX, .bit = (n)                                 \
    }
#define F7C(feature, n)                                                                            \
    {                                                                                              \
        .name = (feature), .leaf = 7, .reg = CPUID_ECX, .bit = (n)                                 \
    }
#define F7D(feature, n)                                                                            \
    {                                                                                              \
        .name = (feature), .leaf = 7, .reg = CPUID_EDX, .bit = (n)                                 \
    }
#define FXA(feature, n)                                                                            \
    {                                                                                              \
        .name = (feature), .leaf = 0xd, .subleaf = 1, .reg = CPUID_EAX, .bit = (n)                 \
    }
#define FE1D(feature, n)                                                                           \
    {                                                                                              \
        .name = (feature), .leaf = 0x80000001, .reg = CPUID_EDX, .bit = (n)                        \
    }
#define FE1C(feature, n)                                                                           \
    {                                                                                              \
        .name = (feature), .leaf = 0x80000001, .reg = CPUID_ECX, .bit = (n)                        \
    }
#define FE7D(feature, n)                                                                           \
    {                                                                                              \
        .name = (feature), .leaf = 0x80000007, .reg = CPUID_EDX, .bit = (n)                        \
    }
#define FE8B(feature, n)                                                                           \
    {                                                                                              \
        .name = (feature), .leaf = 0x80000008, .reg = CPUID_EBX, .bit = (n)                        \
    }
#define FKA(feature, n)                                                                            \
    {                                                                                              \
        .name = (feature), .leaf = 0x40000001, .reg = CPUID_EAX, .bit = (n)                        \
    }

const struct cpuid_feature cpuid_features[] = {
    /* clang-format off */
    F1D("fpu", 0), F1D("vme", 1), F1D("de", 2), F1D("pse", 3), F1D("tsc", 4), F1D("msr", 5),
    F1D("pae", 6), F1D("mce", 7), F1D("cx8", 8), F1D("apic", 9), F1D("sep", 11), F1D("mtrr", 12),
    F1D("pge", 13), F1D("mca", 14), F1D("cmov", 15), F1D("pat", 16), F1D("pse36", 17),
    F1D("clflush", 19), F1D("mmx", 23), F1D("fxsr", 24), F1D("sse", 25), F1D("sse2", 26),
    F1D("ss", 27),
    F1C("pni", 0), F1C("sse3", 0), F1C("pclmulqdq", 1), F1C("vmx", 5), F1C("ssse3", 9),
    F1C("fma", 12), F1C("cx16", 13), F1C("pdcm", 15), F1C("pcid", 17), F1C("sse4.1", 19),
    F1C("sse4.2", 20), F1C("x2apic", 21), F1C("movbe", 22), F1C("popcnt", 23),
    F1C("tsc-deadline", 24), F1C("aes", 25), F1C("xsave", 26), F1C("avx", 28), F1C("f16c", 29),
    F1C("rdrand", 30), F1C("hypervisor", 31),
    F6A("arat", 2),
    F7B("fsgsbase", 0), F7B("tsc_adjust", 1), F7B("bmi1", 3), F7B("hle", 4), F7B("avx2", 5),
    F7B("smep", 7), F7B("bmi2", 8), F7B("erms", 9), F7B("invpcid", 10), F7B("rtm", 11),
    F7B("avx512f", 16), F7B("avx512dq", 17), F7B("rdseed", 18), F7B("adx", 19), F7B("smap", 20),
    F7B("avx512ifma", 21), F7B("clflushopt", 23), F7B("clwb", 24), F7B("avx512cd", 28),
    F7B("sha-ni", 29), F7B("avx512bw", 30), F7B("avx512vl", 31),
    F7C("avx512vbmi", 1), F7C("umip", 2), F7C("pku", 3), F7C("gfni", 8), F7C("vaes", 9),
    F7C("vpclmulqdq", 10), F7C("la57", 16), F7C("rdpid", 22),
    F7D("fsrm", 4), F7D("md-clear", 10), F7D("serialize", 14), F7D("spec-ctrl", 26),
    F7D("stibp", 27), F7D("arch-capabilities", 29), F7D("ssbd", 31),
    FXA("xsaveopt", 0), FXA("xsavec", 1), FXA("xgetbv1", 2), FXA("xsaves", 3),
    FE1D("syscall", 11), FE1D("nx", 20), FE1D("mmxext", 22), FE1D("fxsr-opt", 25),
    FE1D("pdpe1gb", 26), FE1D("rdtscp", 27), FE1D("lm", 29),
    FE1C("lahf-lm", 0), FE1C("svm", 2), FE1C("cr8legacy", 4), FE1C("abm", 5), FE1C("sse4a", 6),
    FE1C("misalignsse", 7), FE1C("3dnowprefetch", 8), FE1C("osvw", 9), FE1C("xop", 11),
    FE1C("fma4", 16), FE1C("tbm", 21), FE1C("topoext", 22), FE1C("perfctr-core", 23),
    FE7D("invtsc", 8),
    FE8B("clzero", 0), FE8B("xsaveerptr", 2), FE8B("wbnoinvd", 9), FE8B("ibpb", 12),
    FE8B("amd-ssbd", 24),
    FKA("kvmclock-old", 0), FKA("kvm-nopiodelay", 1), FKA("kvmclock", 3), FKA("kvm-asyncpf", 4),
    FKA("kvm-steal-time", 5), FKA("kvm-pv-eoi", 6), FKA("kvm-pv-unhalt", 7),
    FKA("kvm-pv-tlb-flush", 9), FKA("kvm-pv-ipi", 11), FKA("kvm-poll-control", 12),
    FKA("kvm-pv-sched-yield", 13), FKA("kvm-asyncpf-int", 14), FKA("msi-ext-dest-id", 15),
    FKA("kvm-msi-ext-dest-id", 15), FKA("kvmclock-stable-bit", 24),
    /* clang-format on */
};
const size_t cpuid_features_count = sizeof(cpuid_features) / sizeof(cpuid_features[0]);

/* The levels of the x86-64 psABI, with what a kernel needs beside them. */
#define BASELINE                                                                                   \
    "fpu de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse "    \
    "sse2 syscall nx lm"
#define LEVEL_2 BASELINE " pni cx16 ssse3 sse4.1 sse4.2 popcnt lahf-lm"
#define LEVEL_3 LEVEL_2 " avx avx2 bmi1 bmi2 f16c fma abm movbe xsave"

const struct cpuid_model cpuid_models[] = {
    { .name = "host", .description = "all that KVM supports on this host" },
    { .name = "max", .description = "the same as host" },
    { .name = "x86-64-v2",
      .description = "level 2 of the x86-64 psABI",
      .features = LEVEL_2,
      .brand = "x86-64-v2 processor" },
    { .name = "x86-64-v3",
      .description = "level 3 of the x86-64 psABI",
      .features = LEVEL_3,
      .brand = "x86-64-v3 processor" },
    { .name = "Westmere",
      .description = "Intel Xeon E5600 family",
      .features = LEVEL_2 " vme aes",
      .signature = 0x206c1,
      .brand = "Westmere E56xx/L56xx/X56xx (Nehalem-C)" },
    { .name = "SandyBridge",
      .description = "Intel Xeon E5-2600 family",
      .features = LEVEL_2 " vme aes pclmulqdq tsc-deadline xsave avx rdtscp xsaveopt",
      .signature = 0x206a1,
      .brand = "Intel Xeon E312xx (Sandy Bridge)" },
    { .name = "EPYC",
      .description = "AMD EPYC, first generation",
      .features = LEVEL_3
      " vme aes pclmulqdq rdrand fsgsbase smep rdseed adx smap clflushopt sha-ni arat xsaveopt "
      "xsavec xgetbv1 mmxext fxsr-opt pdpe1gb rdtscp cr8legacy sse4a misalignsse 3dnowprefetch "
      "osvw topoext",
      .signature = 0x800f12,
      .brand = "AMD EPYC Processor" },
};
const size_t cpuid_models_count = sizeof(cpuid_models) / sizeof(cpuid_models[0]);
