/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes ACPI Machine Language. Section numbers are ACPI 6.5's. */
#include "aml.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN 4096

/* 20.2.3: the constants that have an opcode of their own, and the prefixes of the others. */
enum {
    BYTE_PREFIX = 0x0a,
    WORD_PREFIX = 0x0b,
    DWORD_PREFIX = 0x0c,
    STRING_PREFIX = 0x0d,
    QWORD_PREFIX = 0x0e,
    NAME_OP = 0x08,
    SCOPE_OP = 0x10,
    BUFFER_OP = 0x11,
    PACKAGE_OP = 0x12,
    METHOD_OP = 0x14,
    DUAL_NAME_PREFIX = 0x2e,
    MULTI_NAME_PREFIX = 0x2f,
    IF_OP = 0xa0,
    ELSE_OP = 0xa1,
    WHILE_OP = 0xa2,
    REGION_OP = 0x5b80,
    FIELD_OP = 0x5b81,
    DEVICE_OP = 0x5b82,
};

#define METHOD_SERIALIZED 0x08
#define SPACE_SYSTEM_IO   1

static void fail(struct aml *aml, int error)
{
    if (!aml->error)
        aml->error = error;
}

/* Makes room for @size bytes more. Returns 0 or the first failure. */
static int reserve(struct aml *aml, size_t size)
{
    size_t capacity = aml->capacity > 0 ? aml->capacity : CAPACITY_MIN;
    uint8_t *data;

    if (aml->error)
        return aml->error;
    while (capacity - aml->size < size)
        capacity *= 2;
    if (capacity == aml->capacity)
        return 0;
    data = realloc(aml->data, capacity);
    if (!data) {
        fail(aml, -ENOMEM);
        return -ENOMEM;
    }
    aml->data = data;
    aml->capacity = capacity;
    return 0;
}

void aml_bytes(struct aml *aml, const void *bytes, size_t size)
{
    if (size == 0 || reserve(aml, size) < 0)
        return;
    memcpy(aml->data + aml->size, bytes, size);
    aml->size += size;
}

/* The low @size bytes of @value, least significant first. */
static void little_endian(struct aml *aml, uint64_t value, unsigned int size)
{
    uint8_t bytes[8];

    for (unsigned int i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
    aml_bytes(aml, bytes, size);
}

static void byte(struct aml *aml, unsigned int value)
{
    little_endian(aml, value, 1);
}

static void opcode(struct aml *aml, unsigned int value)
{
    if (value > 0xff)
        byte(aml, value >> 8);
    byte(aml, value & 0xff);
}

/* 20.2.3: the shortest form. */
static void integer(struct aml *aml, uint64_t value)
{
    static const struct {
        uint64_t max;
        uint8_t prefix, size;
    } forms[] = {
        { 0xff, BYTE_PREFIX, 1 },
        { 0xffff, WORD_PREFIX, 2 },
        { 0xffffffff, DWORD_PREFIX, 4 },
        { UINT64_MAX, QWORD_PREFIX, 8 },
    };
    unsigned int i = 0;

    if (value <= 1) { /* ZeroOp, OneOp */
        byte(aml, (unsigned int)value);
        return;
    }
    while (value > forms[i].max)
        i++;
    byte(aml, forms[i].prefix);
    little_endian(aml, value, forms[i].size);
}

static int is_name_char(char c, unsigned int position)
{
    return c == '_' || (c >= 'A' && c <= 'Z') || (position > 0 && c >= '0' && c <= '9');
}

/* 20.2.2: one segment, filled up with underscores. Returns what follows it, or NULL. */
static const char *segment(struct aml *aml, const char *text)
{
    char name[4] = { '_', '_', '_', '_' };
    unsigned int length = 0;

    while (text[length] != '\0' && text[length] != '.') {
        if (length == sizeof(name) || !is_name_char(text[length], length)) {
            fail(aml, -EINVAL);
            return NULL;
        }
        name[length] = text[length];
        length++;
    }
    if (length == 0) {
        fail(aml, -EINVAL);
        return NULL;
    }
    aml_bytes(aml, name, sizeof(name));
    return text + length;
}

/* 20.2.2: NameString. */
static void name_string(struct aml *aml, const char *path)
{
    unsigned int segments = 1;

    for (; *path == '\\' || *path == '^'; path++)
        byte(aml, (unsigned char)*path);
    for (const char *dot = path; (dot = strchr(dot, '.')); dot++)
        segments++;
    if (segments > 255) {
        fail(aml, -EINVAL);
        return;
    }
    if (segments == 2)
        byte(aml, DUAL_NAME_PREFIX);
    if (segments > 2) {
        byte(aml, MULTI_NAME_PREFIX);
        byte(aml, segments);
    }
    while (segments-- > 0) {
        path = segment(aml, path);
        if (!path)
            return;
        path++; /* the dot; after the last segment nobody looks */
    }
}

void aml_emit_terms(struct aml *aml, const struct aml_term *terms, size_t count)
{
    for (const struct aml_term *term = terms; term < terms + count; term++) {
        switch (term->kind) {
        case AML_KIND_OP:
            opcode(aml, (unsigned int)term->value);
            break;
        case AML_KIND_INT:
            integer(aml, term->value);
            break;
        case AML_KIND_NAME:
            name_string(aml, term->name);
            break;
        case AML_KIND_BYTES:
            aml_bytes(aml, term->name, term->value);
            break;
        }
    }
}

void aml_name(struct aml *aml, const char *name)
{
    byte(aml, NAME_OP);
    name_string(aml, name);
}

void aml_name_int(struct aml *aml, const char *name, uint64_t value)
{
    aml_name(aml, name);
    integer(aml, value);
}

void aml_name_string(struct aml *aml, const char *name, const char *text)
{
    aml_name(aml, name);
    byte(aml, STRING_PREFIX);
    aml_bytes(aml, text, strlen(text) + 1);
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789ABCDEF";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* 19.6.36: three letters of five bits each and four digits, the bytes swapped as a whole. */
void aml_name_eisaid(struct aml *aml, const char *name, const char *id)
{
    uint32_t value = 0;

    if (strlen(id) != 7) {
        fail(aml, -EINVAL);
        return;
    }
    for (unsigned int i = 0; i < 7; i++) {
        int part = i < 3 ? id[i] - 'A' + 1 : hex_digit(id[i]);

        if (part < 0 || part > 26) {
            fail(aml, -EINVAL);
            return;
        }
        value = value << (i < 3 ? 5 : 4) | (uint32_t)part;
    }
    aml_name_int(aml, name, __builtin_bswap32(value));
}

/* Opens a stretch: its length is put before its contents when it is closed. */
static void begin(struct aml *aml, unsigned int op)
{
    opcode(aml, op);
    if (aml->depth == AML_DEPTH_MAX)
        fail(aml, -E2BIG);
    if (!aml->error)
        aml->open[aml->depth++] = aml->size;
}

/* 20.2.4: @value in one to four bytes. Returns how many, 0 when it does not fit. */
static unsigned int encode_length(uint64_t value, uint8_t bytes[4])
{
    unsigned int more = 0;

    if (value < 0x40) {
        bytes[0] = (uint8_t)value;
        return 1;
    }
    if (value >= 1ULL << 28)
        return 0;
    bytes[0] = value & 0xf;
    for (value >>= 4; value > 0; value >>= 8)
        bytes[++more] = (uint8_t)value;
    bytes[0] |= (uint8_t)(more << 6);
    return more + 1;
}

void aml_end(struct aml *aml)
{
    size_t start, length;
    uint8_t bytes[4];
    unsigned int count;

    if (aml->depth == 0)
        fail(aml, -EINVAL);
    if (aml->error)
        return;
    start = aml->open[--aml->depth];
    length = aml->size - start;
    /* The length counts its own bytes. */
    for (count = 1; count <= sizeof(bytes); count++)
        if (encode_length(length + count, bytes) == count)
            break;
    if (count > sizeof(bytes)) {
        fail(aml, -E2BIG);
        return;
    }
    if (reserve(aml, count) < 0)
        return;
    memmove(aml->data + start + count, aml->data + start, length);
    memcpy(aml->data + start, bytes, count);
    aml->size += count;
}

void aml_buffer(struct aml *aml, const void *bytes, size_t size)
{
    begin(aml, BUFFER_OP);
    integer(aml, size);
    aml_bytes(aml, bytes, size);
    aml_end(aml);
}

void aml_begin_scope(struct aml *aml, const char *path)
{
    begin(aml, SCOPE_OP);
    name_string(aml, path);
}

void aml_begin_device(struct aml *aml, const char *name)
{
    begin(aml, DEVICE_OP);
    name_string(aml, name);
}

void aml_begin_method(struct aml *aml, const char *name, unsigned int args)
{
    begin(aml, METHOD_OP);
    name_string(aml, name);
    byte(aml, METHOD_SERIALIZED | args);
}

void aml_begin_if(struct aml *aml)
{
    begin(aml, IF_OP);
}

void aml_begin_else(struct aml *aml)
{
    begin(aml, ELSE_OP);
}

void aml_begin_while(struct aml *aml)
{
    begin(aml, WHILE_OP);
}

void aml_begin_package(struct aml *aml, uint8_t count)
{
    begin(aml, PACKAGE_OP);
    byte(aml, count);
}

void aml_io_region(struct aml *aml, const char *name, uint16_t base, uint8_t size)
{
    opcode(aml, REGION_OP);
    name_string(aml, name);
    byte(aml, SPACE_SYSTEM_IO);
    integer(aml, base);
    integer(aml, size);
}

void aml_begin_field(struct aml *aml, const char *region, enum aml_access access,
                     enum aml_update update)
{
    begin(aml, FIELD_OP);
    name_string(aml, region);
    byte(aml, (unsigned int)access | (unsigned int)update << 5);
}

/* 20.2.5.2: the width is encoded as a length is, but stands for itself. */
void aml_field(struct aml *aml, const char *name, uint32_t bits)
{
    uint8_t bytes[4];
    unsigned int count = encode_length(bits, bytes);

    if (count == 0)
        fail(aml, -E2BIG);
    if (name)
        name_string(aml, name);
    else
        byte(aml, 0);
    aml_bytes(aml, bytes, count);
}

int aml_error(const struct aml *aml)
{
    if (aml->error)
        return aml->error;
    return aml->depth > 0 ? -EINVAL : 0;
}

void aml_free(struct aml *aml)
{
    free(aml->data);
    *aml = (struct aml){ 0 };
}
