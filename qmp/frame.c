/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The frame scanner's lexer: a byte at a time into tokens, which go through the grammar. */
#include "frame.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frame-internal.h"
#include "frame-text.h"
#include "utf8.h"

/* How much of a string's beginning is kept for the sentence about a stray character in it. */
#define STRAY_MAX 64U

void qmp_frame_init(struct qmp_frame *frame, unsigned int flags)
{
    memset(frame, 0, sizeof(*frame));
    frame->flags = flags;
}

/* ---- bytes through the lexer ---- */

/* A byte that fits nowhere: forgets what was open, as QEMU does. */
static enum qmp_frame_event stray(struct qmp_frame *frame, unsigned char byte)
{
    frame->token[frame->token_size++] = (char)byte;
    return frame_abandon(frame, LEXER_RECOVERY, "JSON parse error, stray '%.*s'",
                         (int)frame->token_size, frame->token);
}

/* Adds to the token; false: it is too long. */
static bool token_add(struct qmp_frame *frame, unsigned char byte)
{
    if (frame->token_size >= QMP_FRAME_TOKEN_MAX)
        return false;
    frame->token[frame->token_size++] = (char)byte;
    return true;
}

static bool is_control(unsigned char byte)
{
    return byte < 0x20 || byte >= 0xFE;
}

static bool is_digit(unsigned char byte)
{
    return byte >= '0' && byte <= '9';
}

static enum qmp_frame_event lex_start(struct qmp_frame *frame, struct qmp_buffer *out,
                                      unsigned char byte)
{
    switch (byte) {
    case ' ':
    case '\t':
    case '\r':
    case '\n':
        return GO_ON;
    case '{':
    case '[':
        return frame_open_bracket(frame, out, (char)byte);
    case '}':
    case ']':
        return frame_close_bracket(frame, out, (char)byte);
    case ',':
    case ':':
        return frame_separator(frame, out, (char)byte);
    case '"':
    case '\'':
        frame_begin_string(frame, out, (char)byte);
        break;
    case '-':
        frame->lexer = LEXER_MINUS;
        break;
    case '0':
        frame->lexer = LEXER_ZERO;
        break;
    default:
        if (is_digit(byte))
            frame->lexer = LEXER_INTEGER;
        else if (byte >= 'a' && byte <= 'z')
            frame->lexer = LEXER_KEYWORD;
        else
            return stray(frame, byte);
    }
    token_add(frame, byte);
    return GO_ON;
}

/* Where an object may begin again: a structural character, the end of a line, a reset byte. */
static bool ends_recovery(unsigned char byte)
{
    return (is_control(byte) && byte != '\t') || (byte && strchr("[]{}:,", byte));
}

static enum qmp_frame_event lex_string(struct qmp_frame *frame, struct qmp_buffer *out,
                                       unsigned char byte)
{
    if (is_control(byte))
        return stray(frame, byte);
    if (frame->token_size < STRAY_MAX)
        token_add(frame, byte);
    if (byte == '\\') {
        frame->lexer = LEXER_ESCAPE;
        return GO_ON;
    }
    if (frame->high) {
        frame_broken(frame, "JSON parse error, \\u%04x is not a valid Unicode character",
                     frame->high);
        frame->high = 0;
    }
    if (byte == (unsigned char)frame->quote)
        return frame_end_string(frame, out);
    if (byte == '"') {
        frame_put(frame, out, "\\\"", 2);
    } else if (byte < 0x80) {
        frame_put(frame, out, (const char *)&byte, 1);
    } else {
        frame->piece[0] = (char)byte;
        frame->piece_size = 1;
        frame->missing = qmp_utf8_length(byte);
        if (frame->missing) {
            frame->missing--;
            frame->lexer = LEXER_CHARACTER;
        } else {
            frame_broken(frame, "JSON parse error, invalid UTF-8 sequence in string");
        }
    }
    return GO_ON;
}

/* A character of several bytes; returns false when @byte doesn't belong to it. */
static bool lex_character(struct qmp_frame *frame, struct qmp_buffer *out, unsigned char byte)
{
    uint32_t code;

    if ((byte & 0xC0) != 0x80) {
        frame_broken(frame, "JSON parse error, invalid UTF-8 sequence in string");
        frame->lexer = LEXER_STRING;
        return false;
    }
    if (frame->token_size < STRAY_MAX)
        token_add(frame, byte);
    frame->piece[frame->piece_size++] = (char)byte;
    if (--frame->missing)
        return true;
    frame->lexer = LEXER_STRING;
    if (!qmp_utf8_decode(frame->piece, frame->piece_size, &code) || qmp_utf8_is_noncharacter(code))
        frame_broken(frame, "JSON parse error, invalid UTF-8 sequence in string");
    frame_put(frame, out, frame->piece, frame->piece_size);
    return true;
}

static enum qmp_frame_event lex_escape(struct qmp_frame *frame, struct qmp_buffer *out,
                                       unsigned char byte)
{
    char escape[2] = { '\\', (char)byte };

    if (is_control(byte))
        return stray(frame, byte);
    if (frame->token_size < STRAY_MAX)
        token_add(frame, byte);
    frame->lexer = LEXER_STRING;
    if (byte == 'u') {
        frame->lexer = LEXER_HEX;
        frame->missing = 4;
        frame->piece_size = 0;
        return GO_ON;
    }
    if (frame->high) {
        frame_broken(frame, "JSON parse error, \\u%04x is not a valid Unicode character",
                     frame->high);
        frame->high = 0;
    }
    if (byte == '\'')
        frame_put(frame, out, "'", 1);
    else if (strchr("\"\\/bfnrt", byte))
        frame_put(frame, out, escape, sizeof(escape));
    else
        frame_broken(frame, "JSON parse error, invalid escape sequence in string");
    return GO_ON;
}

/* A \uXXXX escape is complete; both halves of a surrogate pair are written together. */
static void end_escape(struct qmp_frame *frame, struct qmp_buffer *out)
{
    char text[16];
    uint32_t code;

    frame->piece[frame->piece_size] = '\0';
    frame->lexer = LEXER_STRING;
    code = (uint32_t)strtoul(frame->piece, NULL, 16);
    if (frame->high && code >= 0xDC00 && code <= 0xDFFF) {
        uint32_t whole = 0x10000 + ((frame->high - 0xD800) << 10) + (code - 0xDC00);

        snprintf(text, sizeof(text), "\\u%04x\\u%04x", frame->high & 0xFFFF, code & 0xFFFF);
        if (qmp_utf8_is_noncharacter(whole))
            frame_broken(frame, "JSON parse error, %s is not a valid Unicode character", text);
        frame_put(frame, out, text, 12);
        frame->high = 0;
        return;
    }
    if (frame->high || (code >= 0xDC00 && code <= 0xDFFF) || qmp_utf8_is_noncharacter(code)) {
        frame_broken(frame, "JSON parse error, \\u%04x is not a valid Unicode character",
                     frame->high ? frame->high : code);
        frame->high = 0;
    } else if (code >= 0xD800 && code <= 0xDBFF) {
        frame->high = code;
    } else {
        snprintf(text, sizeof(text), "\\u%04x", code & 0xFFFF);
        frame_put(frame, out, text, 6);
    }
}

/* A digit of \uXXXX; returns false when @byte isn't one. */
static bool lex_hex(struct qmp_frame *frame, struct qmp_buffer *out, unsigned char byte)
{
    if (!is_digit(byte) && !((byte | 0x20) >= 'a' && (byte | 0x20) <= 'f')) {
        frame_broken(frame, "JSON parse error, \\u%.*s%c is not a valid Unicode character",
                     (int)frame->piece_size, frame->piece, byte);
        frame->lexer = LEXER_STRING;
        frame->high = 0;
        return false;
    }
    if (frame->token_size < STRAY_MAX)
        token_add(frame, byte);
    frame->piece[frame->piece_size++] = (char)byte;
    if (--frame->missing == 0)
        end_escape(frame, out);
    return true;
}

/* Where @byte leads from within a number; LEXER_START: it ends before it; RECOVERY: an error. */
static enum lexer_state number_step(enum lexer_state state, unsigned char byte)
{
    bool digit = is_digit(byte);
    bool e = byte == 'e' || byte == 'E';

    switch (state) {
    case LEXER_MINUS:
        return byte == '0' ? LEXER_ZERO : digit ? LEXER_INTEGER : LEXER_RECOVERY;
    case LEXER_ZERO:
        return digit ? LEXER_RECOVERY : byte == '.' ? LEXER_POINT : LEXER_START;
    case LEXER_INTEGER:
        return digit ? LEXER_INTEGER : byte == '.' ? LEXER_POINT : e ? LEXER_E : LEXER_START;
    case LEXER_POINT:
        return digit ? LEXER_FRACTION : LEXER_RECOVERY;
    case LEXER_FRACTION:
        return digit ? LEXER_FRACTION : e ? LEXER_E : LEXER_START;
    case LEXER_E:
        return digit ? LEXER_EXPONENT : byte == '+' || byte == '-' ? LEXER_SIGN : LEXER_RECOVERY;
    case LEXER_SIGN:
        return digit ? LEXER_EXPONENT : LEXER_RECOVERY;
    default:
        return digit ? LEXER_EXPONENT : LEXER_START;
    }
}

/* A byte within or after a number or keyword; *ret_used: false if it was not part of it. */
static enum qmp_frame_event lex_token(struct qmp_frame *frame, struct qmp_buffer *out,
                                      unsigned char byte, bool *ret_used)
{
    enum lexer_state next;

    if (frame->lexer == LEXER_KEYWORD)
        next = byte >= 'a' && byte <= 'z' ? LEXER_KEYWORD : LEXER_START;
    else
        next = number_step(frame->lexer, byte);
    /* a byte that is in no token at all is left to be found stray by itself */
    if (next == LEXER_START) {
        *ret_used = false;
        if (frame->lexer == LEXER_KEYWORD)
            return frame_keyword(frame, out);
        return frame_number(frame, out,
                            frame->lexer == LEXER_INTEGER || frame->lexer == LEXER_ZERO);
    }
    if (next == LEXER_RECOVERY)
        return stray(frame, byte);
    frame->lexer = next;
    /* an integer may get a fraction in normal form, which is to be within the limit, too */
    if ((next == LEXER_INTEGER && frame->token_size >= QMP_FRAME_TOKEN_MAX - 2) ||
        !token_add(frame, byte))
        return frame_abandon(frame, LEXER_RECOVERY, "JSON token size limit exceeded");
    return GO_ON;
}

/* One byte; *ret_used: false if it is to be looked at again. */
static enum qmp_frame_event lex(struct qmp_frame *frame, struct qmp_buffer *out, unsigned char byte,
                                bool *ret_used)
{
    switch ((enum lexer_state)frame->lexer) {
    case LEXER_START:
        return lex_start(frame, out, byte);
    case LEXER_RECOVERY:
        if (ends_recovery(byte)) {
            frame->lexer = LEXER_START;
            *ret_used = false;
        }
        return GO_ON;
    case LEXER_STRING:
        return lex_string(frame, out, byte);
    case LEXER_ESCAPE:
        return lex_escape(frame, out, byte);
    case LEXER_HEX:
        *ret_used = lex_hex(frame, out, byte);
        return GO_ON;
    case LEXER_CHARACTER:
        *ret_used = lex_character(frame, out, byte);
        return GO_ON;
    default:
        return lex_token(frame, out, byte, ret_used);
    }
}

/* The bytes at the beginning of @text that are a string's plain content, at most @size. */
static size_t plain_run(const char *text, size_t size)
{
    size_t i = 0;

    while (i < size && (unsigned char)text[i] >= 0x20 && (unsigned char)text[i] < 0x80 &&
           text[i] != '"' && text[i] != '\'' && text[i] != '\\')
        i++;
    return i;
}

enum qmp_frame_event qmp_frame_feed(struct qmp_frame *frame, const char *data, size_t size,
                                    size_t *ret_used, struct qmp_buffer *out)
{
    size_t used = 0;
    enum qmp_frame_event event = GO_ON;

    while (used < size && event == GO_ON) {
        size_t room = out ? qmp_buffer_room(out) : SIZE_MAX;
        bool taken = true;

        if (room < QMP_FRAME_OUT_MIN) {
            *ret_used = used;
            return QMP_FRAME_FULL;
        }
        if (frame->done)
            frame_begin(frame, frame->restart);
        if (frame->lexer == LEXER_STRING && !frame->high && frame->token_size >= STRAY_MAX) {
            size_t rest = size - used < room ? size - used : room;
            size_t run = plain_run(data + used, rest);

            frame_put(frame, out, data + used, run);
            used += run;
            if (run)
                continue;
        }
        event = lex(frame, out, (unsigned char)data[used], &taken);
        used += taken;
    }
    *ret_used = used;
    return event == GO_ON ? QMP_FRAME_MORE : event;
}

bool qmp_frame_is_inside(const struct qmp_frame *frame)
{
    return !frame->done &&
           (frame->braces > 0 || frame->brackets > 0 || frame->lexer > LEXER_RECOVERY);
}

bool qmp_frame_name_is(const struct qmp_frame *frame, const char *name)
{
    size_t size = strlen(name);

    return frame->name_size == size && size <= QMP_FRAME_NAME_MAX &&
           memcmp(frame->name, name, size) == 0;
}

int qmp_frame_value_string(const struct qmp_frame *frame, char *text, size_t size)
{
    size_t length;

    if (frame->value_kind != QMP_KIND_STRING)
        return -EINVAL;
    if (frame->value_size > QMP_FRAME_VALUE_MAX)
        return -ENOBUFS;
    length = qmp_frame_text_decode(frame->value, frame->value_size, text, size);
    if (length >= size)
        return -ENOBUFS;
    return memchr(text, '\0', length) ? -EINVAL : (int)length;
}
