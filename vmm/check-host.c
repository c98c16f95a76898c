/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --check-host: what an administrator looks up by hand before starting VMs. */
#include "check-host.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cpuctl.h"
#include "kvm.h"
#include "libcpuctl/cleanup.h"
#include "limits.h"

#define TEXT_LIMIT (1U << 20)
/* The column that values begin in. */
#define LINE "%-16s "

struct check {
    struct cpuctl_root *root;
    const struct kvm_host *kvm;
    FILE *out;
    char *cpuinfo; /* or NULL */
    bool vmx, svm;
};

/* The first line of a file, or NULL; to be freed. */
static char *read_line(const struct check *check, const char *path)
{
    char *text = NULL;

    if (cpuctl_root_read(check->root, path, TEXT_LIMIT, &text, NULL) < 0)
        return NULL;
    text[strcspn(text, "\n")] = '\0';
    return text;
}

/* Whether a line of /proc/cpuinfo that begins with "flags" or "vmx flags" has @word. */
static bool has_flag(const struct check *check, const char *word)
{
    size_t length = strlen(word);

    for (const char *line = check->cpuinfo; line && *line != '\0';) {
        const char *end = line + strcspn(line, "\n");

        if (strncmp(line, "flags", 5) == 0 || strncmp(line, "vmx flags", 9) == 0)
            for (const char *at = strstr(line, word); at && at < end; at = strstr(at + 1, word))
                if (at[-1] == ' ' &&
                    (at[length] == ' ' || at[length] == '\n' || at[length] == '\0'))
                    return true;
        line = *end == '\0' ? end : end + 1;
    }
    return false;
}

/* ---- KVM and the processor ---- */

static void say_device(const struct check *check, int code)
{
    char buffer[128];

    fprintf(check->out, LINE, "/dev/kvm");
    if (check->kvm)
        fprintf(check->out, "usable\n");
    else if (code == -ENOENT)
        fprintf(check->out, "not there: load kvm_intel or kvm_amd, or switch virtualization on in "
                            "the firmware\n");
    else if (code == -EACCES)
        fprintf(check->out, "not permitted: this user is not in the device's group\n");
    else
        fprintf(check->out, "not usable: %s\n", strerror_r(-code, buffer, sizeof(buffer)));
}

/* What a feature of the processor is called, and the parameter of KVM's module that switches it. */
struct feature {
    const char *flag;
    const char *parameter; /* below sys/module, or NULL */
};

static bool is_on(const char *text)
{
    return strcmp(text, "Y") == 0 || strcmp(text, "1") == 0;
}

static void say_feature(const struct check *check, const char *what, const struct feature *feature)
{
    _cleanup_free_ char *setting = NULL;
    char path[96];

    if (feature->parameter) {
        snprintf(path, sizeof(path), "sys/module/%s", feature->parameter);
        setting = read_line(check, path);
    }
    if (setting)
        fprintf(check->out, LINE "%s, %s (%s=%s)\n", what, feature->flag,
                is_on(setting) ? "used" : "not used", path + strlen("sys/module/"), setting);
    else
        fprintf(check->out, LINE "%s\n", what, feature->flag);
}

static void say_processor(const struct check *check)
{
    static const struct feature ept = { "ept", "kvm_intel/parameters/ept" };
    static const struct feature npt = { "npt", "kvm_amd/parameters/npt" };
    static const struct feature vpid = { "vpid", "kvm_intel/parameters/vpid" };
    /* Every processor with SVM has tags; this flag says that one tag can be flushed alone. */
    static const struct feature asid = { "asid", NULL }, flush = { "asid, flushbyasid", NULL };
    static const struct feature none = { "no", NULL };

    fprintf(check->out, LINE "%s\n", "virtualization",
            check->vmx   ? "vmx"
            : check->svm ? "svm"
                         : "no");
    say_feature(check, "nested paging",
                has_flag(check, "ept")   ? &ept
                : has_flag(check, "npt") ? &npt
                                         : &none);
    say_feature(check, "tagged TLB",
                has_flag(check, "vpid")          ? &vpid
                : has_flag(check, "flushbyasid") ? &flush
                : check->svm                     ? &asid
                                                 : &none);
}

/* ---- memory ---- */

/* A mount's folder from a line of /proc/mounts, or NULL: there is none of this type. */
static const char *find_mount(char *mounts, const char *type)
{
    char *state = NULL;

    for (char *line = strtok_r(mounts, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
        char *words = NULL;
        const char *folder = strtok_r(line, " ", &words) ? strtok_r(NULL, " ", &words) : NULL;
        const char *what = strtok_r(NULL, " ", &words);

        if (folder && what && strcmp(what, type) == 0)
            return folder;
    }
    return NULL;
}

static void say_huge_pages(const struct check *check)
{
    static const char path[] = "proc/sys/vm/nr_hugepages";
    _cleanup_free_ char *count = read_line(check, path), *mounts = NULL;
    const char *folder = NULL;

    if (cpuctl_root_read(check->root, "proc/mounts", TEXT_LIMIT, &mounts, NULL) >= 0)
        folder = find_mount(mounts, "hugetlbfs");
    fprintf(check->out, LINE "%s", "huge pages", count ? count : "no");
    if (count && folder)
        fprintf(check->out, " (vm.nr_hugepages), for --mem-path %s", folder);
    else if (count)
        fprintf(check->out, " (vm.nr_hugepages); hugetlbfs is not mounted");
    fputc('\n', check->out);
}

static void say_setting(const struct check *check, const char *what, const char *path)
{
    _cleanup_free_ char *text = read_line(check, path);

    fprintf(check->out, LINE "%s\n", what, text ? text : "no");
}

/* ---- limits ---- */

static void say_limits(const struct check *check)
{
    const struct kvm_host *kvm = check->kvm;
    bool high =
        kvm_check(kvm->fd, KVM_CAP_SPLIT_IRQCHIP) > 0 && kvm_check(kvm->fd, KVM_CAP_X2APIC_API) > 0;

    fprintf(check->out,
            LINE
            "%u recommended (KVM_CAP_NR_VCPUS), %u at most (KVM_CAP_MAX_VCPUS), APIC IDs below "
            "%u (KVM_CAP_MAX_VCPU_ID)\n",
            "vCPUs", kvm->nr_vcpus, kvm->max_vcpus, kvm->max_vcpu_id);
    fprintf(check->out, LINE "%s\n", "above 255",
            high ? "yes" : "no (KVM_CAP_SPLIT_IRQCHIP and KVM_CAP_X2APIC_API)");
}

static void say_possible(const struct check *check)
{
    struct cpuctl_error error = { 0 };
    unsigned int count = 0;

    if (limits_host_possible(check->root, &count, &error) < 0)
        fprintf(check->out, LINE "not known: %s\n", "--max-vcpus 0", error.text);
    else
        fprintf(check->out, LINE "%u (the host's possible CPUs)\n", "--max-vcpus 0", count);
}

/* What lowering a VM's own KVM_CAP_MAX_VCPU_ID saves; see limits.h. */
static void say_saving(const struct check *check)
{
    static const char *const switches[] = { "kvm_intel/parameters/enable_ipiv",
                                            "kvm_amd/parameters/avic" };
    uint64_t whole = limits_table_size(check->kvm->max_vcpu_id), least = limits_table_size(1);

    for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
        char path[96];
        _cleanup_free_ char *setting = NULL;

        snprintf(path, sizeof(path), "sys/module/%s", switches[i]);
        setting = read_line(check, path);
        if (!setting || !is_on(setting))
            continue;
        fprintf(check->out,
                LINE "saves up to %llu KiB of %llu KiB a VM (%s=%s: 8 bytes for each APIC ID)\n",
                "lowered IDs", (unsigned long long)(whole - least) / 1024,
                (unsigned long long)whole / 1024, switches[i], setting);
        return;
    }
    fprintf(check->out,
            LINE "saves 0 KiB a VM: this KVM keeps no table by APIC ID (kvm_intel's enable_ipiv, "
                 "kvm_amd's avic)\n",
            "lowered IDs");
}

/* ---- the whole ---- */

static int skip_name(const char *name, void *data)
{
    (void)name;
    (void)data;
    return 0;
}

static bool has_module(const struct check *check, const char *module)
{
    char path[64];

    snprintf(path, sizeof(path), "sys/module/%s", module);
    return cpuctl_root_list(check->root, path, skip_name, NULL, NULL) == 0;
}

/* Whether guests that are operating systems can run, and the reason. */
static bool say_linux(const struct check *check)
{
    /* A KVM that runs the guest's kernel deprivileged, which stock kernels don't bear. */
    bool software = has_module(check, "kvm_pvm") && !has_module(check, "kvm_intel") &&
                    !has_module(check, "kvm_amd");
    bool good = check->kvm && !software && (check->vmx || check->svm);

    fprintf(check->out, LINE "%s\n", "Linux guests",
            !check->kvm ? "no: KVM can not be used"
            : software  ? "no: this KVM (kvm_pvm) emulates the guest's kernel, and stock ones stop"
            : !good     ? "not to be expected: this KVM is not backed by vmx or svm"
                        : "yes");
    return good;
}

int check_host_print(struct cpuctl_root *root, const struct kvm_host *kvm, int code, FILE *out)
{
    _cleanup_free_ char *cpuinfo = NULL;
    struct check check = { .root = root, .kvm = kvm, .out = out };

    (void)cpuctl_root_read(root, "proc/cpuinfo", TEXT_LIMIT, &cpuinfo, NULL);
    check.cpuinfo = cpuinfo;
    check.vmx = has_flag(&check, "vmx");
    check.svm = has_flag(&check, "svm");
    say_device(&check, code);
    say_processor(&check);
    say_huge_pages(&check);
    say_setting(&check, "transparent", "sys/kernel/mm/transparent_hugepage/enabled");
    say_setting(&check, "KSM", "sys/kernel/mm/ksm/run");
    if (kvm)
        say_limits(&check);
    say_possible(&check);
    if (kvm)
        say_saving(&check);
    return say_linux(&check) ? 0 : -ENODEV;
}

int check_host_report(void)
{
    struct cpuctl_root *root = NULL;
    struct kvm_host host = { .fd = -1 };
    int r = cpuctl_root_open(NULL, &root, NULL), code;

    if (r < 0)
        return r;
    code = kvm_host_open(NULL, &host);
    r = check_host_print(root, code < 0 ? NULL : &host, code, stdout);
    kvm_host_close(&host);
    cpuctl_root_free(root);
    return r;
}
