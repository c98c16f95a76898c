/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The frame scanner's grammar: a token at a time, checked, counted and written. */
#include "frame-internal.h"

#include <errno.h>
#include <string.h>

#include "frame-text.h"

void frame_begin(struct qmp_frame *frame, enum lexer_state lexer)
{
    frame->kind = QMP_KIND_NONE;
    frame->members = 0;
    frame->values = 0;
    frame->depth_max = 0;
    frame->lexer = lexer;
    frame->grammar = GRAMMAR_VALUE;
    frame->depth = 0;
    frame->braces = 0;
    frame->brackets = 0;
    frame->done = false;
    frame->restart = LEXER_START;
    frame->broken = false;
    frame->comma = false;
    frame->is_key = false;
    frame->open_string = false;
    frame->keep = false;
    frame->high = 0;
    frame->token_size = 0;
}

static bool in_object(const struct qmp_frame *frame)
{
    unsigned int level = frame->depth - 1;

    return frame->depth > 0 && (frame->stack[level / 8] & 1U << level % 8);
}

void frame_broken(struct qmp_frame *frame, const char *format, ...)
{
    va_list args;

    if (frame->broken)
        return;
    frame->broken = true;
    va_start(args, format);
    qmp_error_setv(&frame->error, QMP_GENERIC_ERROR, format, args);
    va_end(args);
}

enum qmp_frame_event frame_abandon(struct qmp_frame *frame, enum lexer_state lexer,
                                   const char *format, ...)
{
    va_list args;

    va_start(args, format);
    qmp_error_setv(&frame->error, QMP_GENERIC_ERROR, format, args);
    va_end(args);
    frame->broken = true;
    frame->done = true;
    frame->restart = lexer;
    return QMP_FRAME_ERROR;
}

void frame_put(struct qmp_frame *frame, struct qmp_buffer *out, const char *text, size_t size)
{
    if (frame->broken)
        return;
    if (frame->keep && frame->value_size < QMP_FRAME_VALUE_MAX) {
        size_t room = QMP_FRAME_VALUE_MAX - frame->value_size;

        memcpy(frame->value + frame->value_size, text, size < room ? size : room);
    }
    if (frame->keep)
        frame->value_size += size;
    if (out && qmp_buffer_append(out, text, size) < 0)
        frame_broken(frame, "Out of memory");
}

/* ---- tokens through the grammar ---- */

/* A token that isn't in its place. QEMU's sentences (qobject/json-parser.c). */
static void misplaced(struct qmp_frame *frame, char token)
{
    switch ((enum grammar_state)frame->grammar) {
    case GRAMMAR_SEPARATOR:
        frame_broken(frame, "JSON parse error, expected separator in %s",
                     in_object(frame) ? "dict" : "list");
        break;
    case GRAMMAR_COLON:
        frame_broken(frame, "JSON parse error, missing : in object pair");
        break;
    case GRAMMAR_FIRST_KEY:
    case GRAMMAR_KEY:
        if (!strchr("}],:", token)) {
            frame_broken(frame, "JSON parse error, key is not a string in object");
            break;
        }
        __attribute__((fallthrough));
    default:
        frame_broken(frame, "JSON parse error, expecting value");
        break;
    }
}

/* True when a value may begin here; it is counted then. */
static bool may_be_value(struct qmp_frame *frame, char token)
{
    if (frame->grammar != GRAMMAR_VALUE && frame->grammar != GRAMMAR_FIRST_VALUE)
        misplaced(frame, token);
    frame->values += !frame->broken;
    return !frame->broken;
}

/* Writes the comma that came before this token, if any. */
static void put_comma(struct qmp_frame *frame, struct qmp_buffer *out)
{
    if (frame->broken || !frame->comma)
        return;
    frame_put(frame, out, ", ", frame->flags & QMP_FRAME_SPACED ? 2 : 1);
    frame->comma = false;
}

/* Notes what kind of value begins, where somebody wants to know. */
static void note_kind(struct qmp_frame *frame, enum qmp_frame_kind kind)
{
    if (frame->kind == QMP_KIND_NONE)
        frame->kind = kind;
    else if (frame->depth == 1 && !frame->broken && frame->grammar == GRAMMAR_VALUE)
        frame->value_kind = kind;
}

/* A value is complete, or the value at the top is broken and at its end. */
static enum qmp_frame_event end_value(struct qmp_frame *frame)
{
    bool open = frame->braces > 0 || frame->brackets > 0;

    if (!open || frame->braces < 0 || frame->brackets < 0) {
        frame->done = true;
        return frame->broken ? QMP_FRAME_ERROR : QMP_FRAME_END;
    }
    if (frame->broken)
        return GO_ON;
    frame->grammar = GRAMMAR_SEPARATOR;
    if (frame->depth != 1 || !in_object(frame))
        return GO_ON;
    frame->keep = false;
    return QMP_FRAME_VALUE;
}

enum qmp_frame_event frame_open_bracket(struct qmp_frame *frame, struct qmp_buffer *out, char token)
{
    unsigned int level = frame->depth;
    bool object = token == '{';

    *(object ? &frame->braces : &frame->brackets) += 1;
    if (frame->braces + frame->brackets > QMP_FRAME_DEPTH_MAX)
        return frame_abandon(frame, LEXER_START, "JSON nesting depth limit exceeded");
    note_kind(frame, object ? QMP_KIND_OBJECT : QMP_KIND_ARRAY);
    if (!may_be_value(frame, token))
        return GO_ON;
    put_comma(frame, out);
    frame_put(frame, out, &token, 1);
    frame->stack[level / 8] &= (uint8_t) ~(1U << level % 8);
    frame->stack[level / 8] |= (uint8_t)((unsigned int)object << level % 8);
    frame->depth++;
    if (frame->depth > frame->depth_max)
        frame->depth_max = frame->depth;
    frame->grammar = object ? GRAMMAR_FIRST_KEY : GRAMMAR_FIRST_VALUE;
    return GO_ON;
}

enum qmp_frame_event frame_close_bracket(struct qmp_frame *frame, struct qmp_buffer *out,
                                         char token)
{
    bool object = token == '}';
    bool fits = frame->depth > 0 && in_object(frame) == object;
    bool in_place = frame->grammar == GRAMMAR_SEPARATOR ||
                    frame->grammar == (object ? GRAMMAR_FIRST_KEY : GRAMMAR_FIRST_VALUE);

    *(object ? &frame->braces : &frame->brackets) -= 1;
    if (!fits || !in_place)
        misplaced(frame, token);
    if (!frame->broken) {
        frame_put(frame, out, &token, 1);
        frame->depth--;
    }
    return end_value(frame);
}

/* Begins to keep what is written as a top-level member's name or value. */
static void keep(struct qmp_frame *frame)
{
    if (frame->depth != 1 || frame->broken)
        return;
    frame->keep = true;
    frame->value_size = 0;
}

enum qmp_frame_event frame_separator(struct qmp_frame *frame, struct qmp_buffer *out, char token)
{
    if (!frame->broken && token == ',' && frame->grammar == GRAMMAR_SEPARATOR) {
        frame->comma = true;
        frame->grammar = in_object(frame) ? GRAMMAR_KEY : GRAMMAR_VALUE;
        return GO_ON;
    }
    if (!frame->broken && token == ':' && frame->grammar == GRAMMAR_COLON) {
        frame_put(frame, out, ": ", frame->flags & QMP_FRAME_SPACED ? 2 : 1);
        frame->grammar = GRAMMAR_VALUE;
        keep(frame);
        return GO_ON;
    }
    misplaced(frame, token);
    return frame->braces == 0 && frame->brackets == 0 ? end_value(frame) : GO_ON;
}

void frame_begin_string(struct qmp_frame *frame, struct qmp_buffer *out, char quote)
{
    bool is_key = frame->grammar == GRAMMAR_KEY || frame->grammar == GRAMMAR_FIRST_KEY;

    frame->lexer = LEXER_STRING;
    frame->quote = quote;
    frame->high = 0;
    if (!is_key)
        note_kind(frame, QMP_KIND_STRING);
    if (frame->broken || (!is_key && !may_be_value(frame, quote)))
        return;
    put_comma(frame, out);
    frame->members += is_key;
    if (is_key)
        keep(frame);
    frame_put(frame, out, "\"", 1);
    frame->is_key = is_key;
    frame->open_string = true;
}

enum qmp_frame_event frame_end_string(struct qmp_frame *frame, struct qmp_buffer *out)
{
    frame->lexer = LEXER_START;
    frame->token_size = 0;
    frame_put(frame, out, "\"", 1);
    if (frame->broken)
        return end_value(frame);
    frame->open_string = false;
    if (!frame->is_key)
        return end_value(frame);
    frame->grammar = GRAMMAR_COLON;
    if (frame->depth != 1)
        return GO_ON;
    frame->keep = false;
    frame->name_size =
        qmp_frame_text_decode(frame->value, frame->value_size, frame->name, sizeof(frame->name));
    return QMP_FRAME_MEMBER;
}

enum qmp_frame_event frame_number(struct qmp_frame *frame, struct qmp_buffer *out, bool is_integer)
{
    frame->token[frame->token_size] = '\0';
    note_kind(frame, QMP_KIND_NUMBER);
    if (may_be_value(frame, '0')) {
        put_comma(frame, out);
        frame_put(frame, out, frame->token, frame->token_size);
        /*
         * QEMU makes a double of an integer that fits neither int64_t nor uint64_t; json-c would
         * take the nearest one that fits. The fraction makes the number a double for both.
         */
        if (is_integer && !qmp_frame_text_is_integer(frame->token))
            frame_put(frame, out, ".0", 2);
    }
    frame->lexer = LEXER_START;
    frame->token_size = 0;
    return end_value(frame);
}

enum qmp_frame_event frame_keyword(struct qmp_frame *frame, struct qmp_buffer *out)
{
    frame->token[frame->token_size] = '\0';
    note_kind(frame, QMP_KIND_KEYWORD);
    if (may_be_value(frame, 'a')) {
        if (strcmp(frame->token, "true") != 0 && strcmp(frame->token, "false") != 0 &&
            strcmp(frame->token, "null") != 0)
            frame_broken(frame, "JSON parse error, invalid keyword '%s'", frame->token);
        put_comma(frame, out);
        frame_put(frame, out, frame->token, frame->token_size);
    }
    frame->lexer = LEXER_START;
    frame->token_size = 0;
    return end_value(frame);
}

int qmp_frame_close(struct qmp_frame *frame, unsigned int depth, struct qmp_buffer *out)
{
    bool needs_value = frame->grammar == GRAMMAR_VALUE && in_object(frame) && !frame->open_string;
    int r = 0;

    if (frame->open_string)
        r = qmp_buffer_append(out, "\"", 1);
    if (r == 0 && ((frame->open_string && frame->is_key) || frame->grammar == GRAMMAR_COLON))
        r = qmp_buffer_append(out, ": null", 6);
    else if (r == 0 && needs_value)
        r = qmp_buffer_append(out, "null", 4);
    while (r == 0 && frame->depth > depth) {
        r = qmp_buffer_append(out, in_object(frame) ? "}" : "]", 1);
        frame->depth--;
    }
    frame_begin(frame, LEXER_START);
    return r;
}
