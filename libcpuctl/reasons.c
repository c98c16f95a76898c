/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an errno from cpuN/online means. The kernel's side is device_online() and device_offline()
 * in drivers/base/core.c, cpu_up() and cpu_down() in kernel/cpu.c, and each architecture's part
 * below them; a row names its source where that is not kernel/cpu.c.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "reasons.h"

/** Which state has to have been asked for. */
enum direction { TO_ONLINE = 1, TO_OFFLINE = 2, EITHER = TO_ONLINE | TO_OFFLINE };

/**
 * One row: the first that fits counts. In the texts "%" stands for the CPU's number and "@" for the
 * detail.
 */
struct reason {
    int code;
    enum direction direction;
    unsigned int facts; /**< all of these must have been found; 0: none needed */
    const char *reason;
    const char *help; /**< or NULL */
};

static const struct reason reasons[] = {
    /* found before asking the kernel, or after */
    { ENODEV, EITHER, REASON_NOT_POSSIBLE, "CPU % is not possible on this system",
      "raise the maximum number of CPUs of the virtual machine and restart it" },
    { ENODEV, EITHER, REASON_NOT_PRESENT, "CPU % is not present",
      "hot-add CPU % to the virtual machine, and wait until it is there" },
    { ENODEV, EITHER, REASON_NO_DIR,
      "CPU % has no directory in /sys/devices/system/cpu: it is being plugged or unplugged, or was "
      "never plugged",
      "try again, or hot-add CPU % to the virtual machine" },
    { EOPNOTSUPP, TO_OFFLINE, REASON_NO_FILE, "the kernel can't take CPU % offline",
      "choose another CPU" },
    { EOPNOTSUPP, TO_ONLINE, REASON_NO_FILE, "the kernel can't bring CPU % online", NULL },
    { ECANCELED, TO_ONLINE, REASON_UNDONE,
      "CPU % came online, and something else took it offline again at once",
      "find what takes CPU % offline, for example a udev rule or a power daemon" },
    { ECANCELED, TO_OFFLINE, REASON_UNDONE,
      "CPU % went offline, and something else brought it online again at once",
      "find what brings CPU % online, for example a udev rule" },

    /* rights */
    { EACCES, EITHER, REASON_NOT_ROOT, "only root may change CPU %", "run this as root" },
    { EACCES, EITHER, 0, "writing the state of CPU % is not permitted",
      "check the security module's log and the service's sandbox" },
    { EPERM, EITHER, REASON_NOT_ROOT, "only root may change CPU %", "run this as root" },
    { EROFS, EITHER, 0, "sysfs is mounted read-only, so CPU % can't be changed from here",
      "run this outside of the container" },

    /* online */
    { EPERM, TO_ONLINE, REASON_SMT_OFF,
      "CPU % is the second thread of its core, and multithreading is switched off",
      "write \"on\" to /sys/devices/system/cpu/smt/control, or boot without nosmt" },
    /* arm64: PSCI answers DENIED (drivers/firmware/psci/psci.c) */
    { EPERM, TO_ONLINE, 0, "the firmware or hypervisor denies bringing CPU % online",
      "allow the CPU in the hypervisor" },
    /* suspend, hibernation, kexec, PCI probing; a NUMA node that is being changed */
    { EBUSY, TO_ONLINE, 0, "CPU hotplug is disabled for the moment, for example by a suspend",
      "try again later" },
    /* s390: __cpu_up() in arch/s390/kernel/smp.c */
    { EIO, TO_ONLINE, REASON_DECONFIGURED, "CPU % is deconfigured",
      "write 1 to /sys/devices/system/cpu/cpu%/configure" },
    { EIO, TO_ONLINE, 0, "CPU % did not start when the kernel told it to",
      "see the kernel log, and check that the hypervisor runs this CPU" },
    /* powerpc: "Processor N is stuck", arch/powerpc/kernel/smp.c */
    { ENOENT, TO_ONLINE, 0, "CPU % is stuck: it did not call in after it was started",
      "see the kernel log, and check that the hypervisor runs this CPU" },
    { ETIMEDOUT, TO_ONLINE, 0, "CPU % did not start in time",
      "see the kernel log, and check that the hypervisor runs this CPU" },
    { ECANCELED, TO_ONLINE, 0, "CPU % started, but the kernel does not let it stay online",
      "check /sys/devices/system/cpu/smt/control" },
    { EAGAIN, TO_ONLINE, 0, "CPU % has not finished going offline yet", "try again" },
    { EINVAL, TO_ONLINE, 0, "the kernel was not prepared for CPU % at boot",
      "check nr_cpus=, possible_cpus= and maxcpus= on the kernel command line" },
    { ENOMEM, TO_ONLINE, 0, "the kernel has too little memory to bring CPU % online",
      "free memory and try again" },

    /* offline */
    { EBUSY, TO_OFFLINE, REASON_LAST, "CPU % is the last one online",
      "bring another CPU online first" },
    { EBUSY, TO_OFFLINE, REASON_LAST_SHARED, "CPU % is the last online one that is not isolated",
      "bring another CPU online first" },
    /* dl_bw_check_overflow() in kernel/sched/deadline.c */
    { EBUSY, TO_OFFLINE, REASON_DEADLINE, "SCHED_DEADLINE tasks have reserved the time of CPU %: @",
      "end these tasks or lower their runtime (chrt, schedtool), then try again" },
    /* tick_nohz_cpu_hotpluggable() in kernel/time/tick-sched.c */
    { EBUSY, TO_OFFLINE, REASON_NOHZ, "CPU % may be keeping the time for the nohz_full CPUs",
      "choose another CPU" },
    { EBUSY, TO_OFFLINE, 0,
      "CPU % is in use, or CPU hotplug is disabled for the moment, for example by a suspend",
      "try again later" },
    /* arm64: the trusted OS lives on this CPU (psci_tos_resident_on()) */
    { EPERM, TO_OFFLINE, 0, "the firmware needs CPU %", "choose another CPU" },
    /* confidential guests (Intel TDX), firmware without a way to stop a CPU */
    { EOPNOTSUPP, TO_OFFLINE, 0, "this platform can't take CPUs offline", NULL },
    /* lapic_can_unplug_cpu() in arch/x86/kernel/apic/vector.c */
    { ENOSPC, TO_OFFLINE, 0, "the other CPUs have no room for the interrupts of CPU %",
      "bring more CPUs online, or choose another CPU" },
    { EINVAL, TO_OFFLINE, 0, "the kernel does not have CPU % any more", NULL },
    { ENOMEM, TO_OFFLINE, 0, "the kernel has too little memory to take CPU % offline",
      "free memory and try again" },

    { ENODEV, EITHER, 0, "CPU % went away meanwhile", NULL },
};

static const struct reason *find_reason(int code, bool online, unsigned int facts)
{
    unsigned int direction = online ? TO_ONLINE : TO_OFFLINE;

    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        const struct reason *row = &reasons[i];

        if (row->code == -code && (row->direction & direction) &&
            (row->facts & facts) == row->facts)
            return row;
    }
    return NULL;
}

/** @template with "%" and "@" replaced; NULL when memory is short. The caller frees it. */
static char *expand(const char *template, unsigned int cpu, const char *detail)
{
    _cleanup_free_ char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);

    if (!stream)
        return NULL;
    for (const char *p = template; *p; p++) {
        if (*p == '%')
            fprintf(stream, "%u", cpu);
        else if (*p == '@')
            fputs(detail ? detail : "", stream);
        else
            fputc(*p, stream);
    }
    if (fclose(stream) != 0)
        return NULL;
    return TAKE_PTR(text);
}

int reason_make(unsigned int cpu, int code, bool online, unsigned int facts, const char *detail,
                char **ret_reason, char **ret_help)
{
    const struct reason *row = find_reason(code, online, facts);
    _cleanup_free_ char *reason = NULL, *help = NULL;

    if (!row) {
        char buffer[128];
        const char *name = strerror_r(-code, buffer, sizeof(buffer));

        reason = expand(online ? "the kernel did not bring CPU % online: @"
                               : "the kernel did not take CPU % offline: @",
                        cpu, name);
    } else {
        reason = expand(row->reason, cpu, detail);
        if (row->help)
            help = expand(row->help, cpu, detail);
    }
    if (!reason || (row && row->help && !help))
        return -ENOMEM;
    *ret_reason = TAKE_PTR(reason);
    *ret_help = TAKE_PTR(help);
    return 0;
}
