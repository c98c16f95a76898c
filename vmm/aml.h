/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writes ACPI Machine Language (ACPI 6.5 chapter 20). AML is prefix notation, so a stretch of code
 * is a flat list of terms in the order of ASL's: Store (One, CINS) is
 *
 *     aml_emit(aml, AML_OP(AML_STORE), AML_INT(1), AML_NAME("CINS"));
 *
 * What has a length (scopes, devices, methods, conditions, packages …) is opened by an
 * aml_begin_*() and closed by aml_end(). The first failure is kept and makes the rest do nothing;
 * ask for it once, with aml_error(), at the end.
 */
#ifndef VMM_AML_H
#define VMM_AML_H

#include <stddef.h>
#include <stdint.h>

/** How deep the stretches that have a length may be nested. */
#define AML_DEPTH_MAX 48

struct aml {
    uint8_t *data;
    size_t size, capacity;
    size_t open[AML_DEPTH_MAX]; /* where the contents of each open stretch begin */
    unsigned int depth;
    int error;
};

/** Opcodes; those above 0xff are two bytes, the first one 0x5b. */
enum aml_opcode {
    AML_STORE = 0x70,
    AML_AND = 0x7b,
    AML_OR = 0x7d,
    AML_NOTIFY = 0x86,
    AML_CREATE_DWORD_FIELD = 0x8a,
    AML_LEQUAL = 0x93,
    AML_LLESS = 0x95,
    AML_RETURN = 0xa4,
    AML_MUTEX = 0x5b01,
    AML_ACQUIRE = 0x5b23,
    AML_RELEASE = 0x5b27,
};

/** What a term is. */
enum aml_kind { AML_KIND_OP, AML_KIND_INT, AML_KIND_NAME, AML_KIND_BYTES };

struct aml_term {
    enum aml_kind kind;
    uint64_t value;   /* an opcode, an integer, raw bytes' count */
    const char *name; /* a path as in ASL, or raw bytes */
};

#define AML_OP(opcode)                                                                             \
    {                                                                                              \
        .kind = AML_KIND_OP, .value = (opcode)                                                     \
    }
#define AML_INT(integer)                                                                           \
    {                                                                                              \
        .kind = AML_KIND_INT, .value = (integer)                                                   \
    }
#define AML_NAME(path)                                                                             \
    {                                                                                              \
        .kind = AML_KIND_NAME, .name = (path)                                                      \
    }
#define AML_LOCAL(n) AML_OP(0x60 + (n))
#define AML_ARG(n)   AML_OP(0x68 + (n))
/** The target of an operator whose result is only used in place. */
#define AML_NOWHERE                                                                                \
    {                                                                                              \
        .kind = AML_KIND_BYTES, .value = 1, .name = "\0"                                           \
    }
/** The timeout of an Acquire that waits as long as it takes (a word). */
#define AML_FOREVER                                                                                \
    {                                                                                              \
        .kind = AML_KIND_BYTES, .value = 2, .name = "\xff\xff"                                     \
    }
/** The flags of a Mutex: its synchronisation level. */
#define AML_SYNC_LEVEL_0                                                                           \
    {                                                                                              \
        .kind = AML_KIND_BYTES, .value = 1, .name = "\0"                                           \
    }

/** Appends terms. */
#define aml_emit(aml, ...)                                                                         \
    aml_emit_terms(aml, (const struct aml_term[]){ __VA_ARGS__ },                                  \
                   sizeof((const struct aml_term[]){ __VA_ARGS__ }) / sizeof(struct aml_term))
void aml_emit_terms(struct aml *aml, const struct aml_term *terms, size_t count);

/** Appends raw bytes. */
void aml_bytes(struct aml *aml, const void *bytes, size_t size);
/** Name (@name, …): the object follows. */
void aml_name(struct aml *aml, const char *name);
/** Name (@name, @value). */
void aml_name_int(struct aml *aml, const char *name, uint64_t value);
/** Name (@name, "text"): ASCII only. */
void aml_name_string(struct aml *aml, const char *name, const char *text);
/** Name (@name, EisaId ("PNP0A08")): three capitals, four hexadecimal digits. */
void aml_name_eisaid(struct aml *aml, const char *name, const char *id);
/** Buffer () { @bytes }. */
void aml_buffer(struct aml *aml, const void *bytes, size_t size);

void aml_begin_scope(struct aml *aml, const char *path);
void aml_begin_device(struct aml *aml, const char *name);
/** Method (@name, @args, Serialized). */
void aml_begin_method(struct aml *aml, const char *name, unsigned int args);
/** If and While: the predicate follows, then the body. */
void aml_begin_if(struct aml *aml);
void aml_begin_else(struct aml *aml);
void aml_begin_while(struct aml *aml);
/** Package () of @count elements, which follow. */
void aml_begin_package(struct aml *aml, uint8_t count);
void aml_end(struct aml *aml);

/** OperationRegion (@name, SystemIO, @base, @size). */
void aml_io_region(struct aml *aml, const char *name, uint16_t base, uint8_t size);

/** The width of each access to a field's region. */
enum aml_access { AML_BYTE_ACCESS = 1, AML_DWORD_ACCESS = 3 };
/** Bits of the accessed unit that do not belong to the field are written as they are, or as 0. */
enum aml_update { AML_PRESERVE = 0, AML_WRITE_AS_ZEROS = 2 };
/** Field (@region, …, NoLock, …): its fields follow. */
void aml_begin_field(struct aml *aml, const char *region, enum aml_access access,
                     enum aml_update update);
/** One field of @bits bits; @name NULL: a gap. */
void aml_field(struct aml *aml, const char *name, uint32_t bits);

/** 0, or the first failure: -ENOMEM, -E2BIG (nested too deep, a stretch above 256 MiB) or -EINVAL
 * (a malformed name, an aml_end() too many, a stretch left open). */
int aml_error(const struct aml *aml);
void aml_free(struct aml *aml);

#endif
