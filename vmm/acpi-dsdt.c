/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The DSDT: the devices that the guest can not find by itself, and the code that drives the CPU
 * hotplug controller. Written as ASL's terms in order; section numbers are ACPI 6.5's.
 *
 * With 1,024 possible CPUs it is interpreted often, so a CPU's device is small: its methods pass
 * its index on to common ones, and the search for the device to notify is a tree.
 */
#include <stdio.h>
#include <string.h>

#include "acpi-crs.h"
#include "acpi-tables.h"
#include "aml.h"
#include "cpuhp.h"
#include "ged.h"
#include "layout.h"
#include "power.h"
#include "smp.h"

/* 5.6.6: values of Notify. */
#define NOTIFY_DEVICE_CHECK   1
#define NOTIFY_EJECT_REQUEST  3
#define NOTIFY_BUTTON_PRESSED 0x80
/* 6.3.7: _STA of a device that is present, enabled, shown and working. */
#define STA_WORKING 0xf

/* C000 … CFFF, then D000 …, J000 … JFFF: never the name of a method, which has other letters. */
static void cpu_name(unsigned int index, char name[5])
{
    snprintf(name, 5, "%c%03X", (char)('C' + (index >> 12 & 7)), index & 0xfff);
}

/* 6.2.11.3: what a PCI host bridge's operating system may control. Nothing is kept from it. */
static void pci_osc(struct aml *aml)
{
    /* 33DB4D5B-1FF7-401C-9657-7441C03DD766 */
    static const uint8_t uuid[16] = { 0x5b, 0x4d, 0xdb, 0x33, 0xf7, 0x1f, 0x1c, 0x40,
                                      0x96, 0x57, 0x74, 0x41, 0xc0, 0x3d, 0xd7, 0x66 };
    enum { UNRECOGNIZED_UUID = 0x4 };

    aml_begin_method(aml, "_OSC", 4);
    aml_begin_if(aml);
    aml_emit(aml, AML_OP(AML_LEQUAL), AML_ARG(0));
    aml_buffer(aml, uuid, sizeof(uuid));
    aml_emit(aml, AML_OP(AML_RETURN), AML_ARG(3));
    aml_end(aml);
    aml_emit(aml, AML_OP(AML_CREATE_DWORD_FIELD), AML_ARG(3), AML_INT(0), AML_NAME("CDW1"));
    aml_emit(aml, AML_OP(AML_OR), AML_NAME("CDW1"), AML_INT(UNRECOGNIZED_UUID), AML_NAME("CDW1"));
    aml_emit(aml, AML_OP(AML_RETURN), AML_ARG(3));
    aml_end(aml);
}

/* The PCI host bridge, for bus 0 alone; no interrupt pins, so no _PRT. */
static void pci(struct aml *aml)
{
    struct acpi_crs crs = { 0 };

    aml_begin_device(aml, "PCI0");
    aml_name_eisaid(aml, "_HID", "PNP0A08");
    aml_name_eisaid(aml, "_CID", "PNP0A03");
    aml_name_int(aml, "_SEG", 0);
    aml_name_int(aml, "_BBN", 0);
    aml_name_int(aml, "_UID", 0);
    acpi_crs_bus_window(&crs, 0, 0);
    acpi_crs_memory_window(&crs, LAYOUT_PCI_WINDOW, LAYOUT_PCI_WINDOW_SIZE);
    acpi_crs_name(&crs, aml);
    pci_osc(aml);
    aml_end(aml);
}

/* What no device of its own claims: ECAM, without which Linux does not use the MCFG, and ports. */
static void motherboard(struct aml *aml)
{
    struct acpi_crs crs = { 0 };

    aml_begin_device(aml, "MBRD");
    aml_name_eisaid(aml, "_HID", "PNP0C02");
    aml_name_int(aml, "_UID", 0);
    acpi_crs_memory(&crs, LAYOUT_ECAM, LAYOUT_ECAM_SIZE);
    acpi_crs_io(&crs, LAYOUT_GED, LAYOUT_GED_SIZE);
    acpi_crs_io(&crs, LAYOUT_SLEEP_CONTROL, LAYOUT_POWER_SIZE);
    acpi_crs_name(&crs, aml);
    aml_end(aml);
}

static void serial(struct aml *aml)
{
    struct acpi_crs crs = { 0 };

    aml_begin_device(aml, "COM1");
    aml_name_eisaid(aml, "_HID", "PNP0501");
    aml_name_int(aml, "_UID", 1);
    acpi_crs_io(&crs, LAYOUT_SERIAL, LAYOUT_SERIAL_SIZE);
    acpi_crs_interrupt(&crs, LAYOUT_GSI_SERIAL, false);
    acpi_crs_name(&crs, aml);
    aml_end(aml);
}

static void power_button(struct aml *aml)
{
    aml_begin_device(aml, "PWRB");
    aml_name_eisaid(aml, "_HID", "PNP0C0C");
    aml_name_int(aml, "_UID", 0);
    aml_end(aml);
}

/* If (Local0 & @event) { … }, closed by the caller. */
static void begin_if_event(struct aml *aml, unsigned int event)
{
    aml_begin_if(aml);
    aml_emit(aml, AML_OP(AML_AND), AML_LOCAL(0), AML_INT(event), AML_NOWHERE);
}

/* 5.6.9: the GED's _EVT is evaluated at its interrupt; the read of its status ends it. */
static void event_device(struct aml *aml)
{
    struct acpi_crs crs = { 0 };

    aml_begin_device(aml, "GED0");
    aml_name_string(aml, "_HID", "ACPI0013");
    aml_name_int(aml, "_UID", 0);
    acpi_crs_interrupt(&crs, LAYOUT_GSI_GED, true);
    acpi_crs_name(&crs, aml);
    aml_io_region(aml, "EREG", LAYOUT_GED, LAYOUT_GED_SIZE);
    aml_begin_field(aml, "EREG", AML_DWORD_ACCESS, AML_WRITE_AS_ZEROS);
    aml_field(aml, "ESTS", 32);
    aml_end(aml);
    aml_begin_method(aml, "_EVT", 1);
    aml_emit(aml, AML_OP(AML_STORE), AML_NAME("ESTS"), AML_LOCAL(0));
    begin_if_event(aml, GED_CPU_HOTPLUG);
    aml_emit(aml, AML_NAME("\\_SB.CPUS.CSCN"));
    aml_end(aml);
    begin_if_event(aml, GED_POWER_BUTTON);
    aml_emit(aml, AML_OP(AML_NOTIFY), AML_NAME("\\_SB.PWRB"), AML_INT(NOTIFY_BUTTON_PRESSED));
    aml_end(aml);
    aml_end(aml);
    aml_end(aml);
}

/* The CPU hotplug controller's registers (cpuhp.h), and the mutex that guards the selector. */
static void controller(struct aml *aml)
{
    struct acpi_crs crs = { 0 };

    aml_begin_device(aml, "PRES");
    aml_name_eisaid(aml, "_HID", "PNP0A06");
    aml_name_string(aml, "_UID", "CPU Hotplug resources");
    acpi_crs_io(&crs, LAYOUT_CPUHP, LAYOUT_CPUHP_SIZE);
    acpi_crs_name(&crs, aml);
    aml_emit(aml, AML_OP(AML_MUTEX), AML_NAME("CPLK"), AML_SYNC_LEVEL_0);
    aml_io_region(aml, "PRST", LAYOUT_CPUHP, LAYOUT_CPUHP_SIZE);
    aml_begin_field(aml, "PRST", AML_BYTE_ACCESS, AML_WRITE_AS_ZEROS);
    aml_field(aml, NULL, 32);
    aml_field(aml, "FLAG", 8);
    aml_field(aml, "COMM", 8);
    aml_end(aml);
    aml_begin_field(aml, "PRST", AML_DWORD_ACCESS, AML_PRESERVE);
    aml_field(aml, "SELE", 32);
    aml_field(aml, NULL, 32);
    aml_field(aml, "DATA", 32);
    aml_end(aml);
    aml_end(aml);
}

static void lock(struct aml *aml)
{
    aml_emit(aml, AML_OP(AML_ACQUIRE), AML_NAME("\\_SB.PRES.CPLK"), AML_FOREVER);
}

static void unlock(struct aml *aml)
{
    aml_emit(aml, AML_OP(AML_RELEASE), AML_NAME("\\_SB.PRES.CPLK"));
}

static void store(struct aml *aml, struct aml_term value, const char *field)
{
    const struct aml_term terms[] = { AML_OP(AML_STORE), value, AML_NAME(field) };

    aml_emit_terms(aml, terms, sizeof(terms) / sizeof(terms[0]));
}

#define ARG(n) ((struct aml_term)AML_ARG(n))
#define INT(n) ((struct aml_term)AML_INT(n))

/* CSTA (index): its _STA. CEJ0 (index): ejects it. */
static void status_and_eject(struct aml *aml)
{
    aml_begin_method(aml, "CSTA", 1);
    lock(aml);
    store(aml, ARG(0), "\\_SB.PRES.SELE");
    aml_emit(aml, AML_OP(AML_STORE), AML_INT(0), AML_LOCAL(0));
    aml_begin_if(aml);
    aml_emit(aml, AML_OP(AML_AND), AML_NAME("\\_SB.PRES.FLAG"), AML_INT(CPUHP_ENABLED),
             AML_NOWHERE);
    aml_emit(aml, AML_OP(AML_STORE), AML_INT(STA_WORKING), AML_LOCAL(0));
    aml_end(aml);
    unlock(aml);
    aml_emit(aml, AML_OP(AML_RETURN), AML_LOCAL(0));
    aml_end(aml);

    aml_begin_method(aml, "CEJ0", 1);
    lock(aml);
    store(aml, ARG(0), "\\_SB.PRES.SELE");
    store(aml, INT(CPUHP_EJECT), "\\_SB.PRES.FLAG");
    unlock(aml);
    aml_end(aml);
}

/* COST (index, source, status): tells the host of an _OST. */
static void ost(struct aml *aml)
{
    aml_begin_method(aml, "COST", 3);
    lock(aml);
    store(aml, ARG(0), "\\_SB.PRES.SELE");
    store(aml, INT(CPUHP_COMMAND_OST_EVENT), "\\_SB.PRES.COMM");
    store(aml, ARG(1), "\\_SB.PRES.DATA");
    store(aml, INT(CPUHP_COMMAND_OST_STATUS), "\\_SB.PRES.COMM");
    store(aml, ARG(2), "\\_SB.PRES.DATA");
    unlock(aml);
    aml_end(aml);
}

/* Notify of the CPU whose index, first … first + count - 1, is Arg0. */
static void notify_tree(struct aml *aml, unsigned int first, unsigned int count)
{
    char name[5];

    if (count == 1) {
        cpu_name(first, name);
        aml_emit(aml, AML_OP(AML_NOTIFY), AML_NAME(name), AML_ARG(1));
        return;
    }
    aml_begin_if(aml);
    aml_emit(aml, AML_OP(AML_LLESS), AML_ARG(0), AML_INT(first + count / 2));
    notify_tree(aml, first, count / 2);
    aml_end(aml);
    aml_begin_else(aml);
    notify_tree(aml, first + count / 2, count - count / 2);
    aml_end(aml);
}

/* If (Local1 & @flag) { CNTF (DATA, @value); FLAG = @flag; Local0 = 1 }, closed by the caller. */
static void begin_handle(struct aml *aml, enum cpuhp_flags flag, unsigned int value)
{
    aml_begin_if(aml);
    aml_emit(aml, AML_OP(AML_AND), AML_LOCAL(1), AML_INT(flag), AML_NOWHERE);
    aml_emit(aml, AML_NAME("CNTF"), AML_NAME("\\_SB.PRES.DATA"), AML_INT(value));
    store(aml, INT(flag), "\\_SB.PRES.FLAG");
    aml_emit(aml, AML_OP(AML_STORE), AML_INT(1), AML_LOCAL(0));
}

/* CSCN (): selects one CPU with an event after the other, notifies of it and acknowledges it. */
static void scan(struct aml *aml, unsigned int cpus)
{
    aml_begin_method(aml, "CNTF", 2);
    notify_tree(aml, 0, cpus);
    aml_end(aml);

    aml_begin_method(aml, "CSCN", 0);
    lock(aml);
    aml_emit(aml, AML_OP(AML_STORE), AML_INT(1), AML_LOCAL(0));
    aml_begin_while(aml);
    aml_emit(aml, AML_LOCAL(0));
    aml_emit(aml, AML_OP(AML_STORE), AML_INT(0), AML_LOCAL(0));
    store(aml, INT(CPUHP_COMMAND_NEXT), "\\_SB.PRES.COMM");
    /* Read once: each access is an exit of the guest. */
    aml_emit(aml, AML_OP(AML_STORE), AML_NAME("\\_SB.PRES.FLAG"), AML_LOCAL(1));
    begin_handle(aml, CPUHP_INSERT, NOTIFY_DEVICE_CHECK);
    aml_end(aml);
    aml_begin_else(aml);
    begin_handle(aml, CPUHP_REMOVE, NOTIFY_EJECT_REQUEST);
    aml_end(aml);
    aml_end(aml);
    aml_end(aml);
    unlock(aml);
    aml_end(aml);
}

static void cpu(struct aml *aml, const struct acpi_config *config, unsigned int index)
{
    uint8_t mat[ACPI_MAT_SIZE];
    size_t mat_size = acpi_mat(index, smp_apic_id(config->smp, index), ACPI_MAT_ENABLED, mat);
    char name[5];

    cpu_name(index, name);
    aml_begin_device(aml, name);
    aml_name_string(aml, "_HID", "ACPI0007");
    aml_name_int(aml, "_UID", index);
    aml_begin_method(aml, "_STA", 0);
    aml_emit(aml, AML_OP(AML_RETURN), AML_NAME("CSTA"), AML_INT(index));
    aml_end(aml);
    aml_name(aml, "_MAT");
    aml_buffer(aml, mat, mat_size);
    if (index > 0) { /* the boot CPU is never removed */
        aml_begin_method(aml, "_EJ0", 1);
        aml_emit(aml, AML_NAME("CEJ0"), AML_INT(index));
        aml_end(aml);
    }
    aml_begin_method(aml, "_OST", 3);
    aml_emit(aml, AML_NAME("COST"), AML_INT(index), AML_ARG(0), AML_ARG(1));
    aml_end(aml);
    if (config->nodes > 0)
        aml_name_int(aml, "_PXM", config->cpu_nodes[index]);
    aml_end(aml);
}

static void cpus(struct aml *aml, const struct acpi_config *config)
{
    aml_begin_device(aml, "CPUS");
    aml_name_string(aml, "_HID", "ACPI0010");
    aml_name_eisaid(aml, "_CID", "PNP0A05");
    status_and_eject(aml);
    ost(aml);
    scan(aml, config->smp->maxcpus);
    for (unsigned int i = 0; i < config->smp->maxcpus; i++)
        cpu(aml, config, i);
    aml_end(aml);
}

void acpi_dsdt(struct aml *aml, const struct acpi_config *config)
{
    aml_begin_scope(aml, "\\_SB");
    pci(aml);
    motherboard(aml);
    serial(aml);
    power_button(aml);
    controller(aml);
    cpus(aml, config);
    event_device(aml);
    aml_end(aml);

    /* 7.4.2: the value of SLP_TYP; the second one and two reserved ones have no meaning here. */
    aml_name(aml, "\\_S5");
    aml_begin_package(aml, 4);
    aml_emit(aml, AML_INT(POWER_S5_TYPE), AML_INT(0), AML_INT(0), AML_INT(0));
    aml_end(aml);
}
