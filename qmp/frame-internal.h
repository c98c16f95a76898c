/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the two halves of the frame scanner, lexer (frame.c) and grammar, know of each other. */
#ifndef QMP_FRAME_INTERNAL_H
#define QMP_FRAME_INTERNAL_H

#include "frame.h"

enum lexer_state {
    LEXER_START,
    LEXER_RECOVERY, /* after an error: skip to where an object may begin */
    LEXER_STRING,
    LEXER_ESCAPE,    /* after a backslash */
    LEXER_HEX,       /* in the four digits of \uXXXX */
    LEXER_CHARACTER, /* in a character of two to four bytes */
    LEXER_MINUS,
    LEXER_ZERO,
    LEXER_INTEGER,
    LEXER_POINT,
    LEXER_FRACTION,
    LEXER_E,
    LEXER_SIGN,
    LEXER_EXPONENT,
    LEXER_KEYWORD,
};

enum grammar_state {
    GRAMMAR_VALUE,       /* a value: at the top, after a colon, after an array's comma */
    GRAMMAR_FIRST_KEY,   /* after { */
    GRAMMAR_KEY,         /* after an object's comma */
    GRAMMAR_COLON,       /* after a key */
    GRAMMAR_FIRST_VALUE, /* after [ */
    GRAMMAR_SEPARATOR,   /* after a value inside an array or object */
};

/* Says that nothing is to be told and the scan goes on; beside the events of frame.h. */
#define GO_ON ((enum qmp_frame_event) - 1)

/** Ready for the next value, from @lexer on: LEXER_START or LEXER_RECOVERY. */
void frame_begin(struct qmp_frame *frame, enum lexer_state lexer);

/**
 * The value is broken: fills the error unless there is one already. Nothing more is written, and
 * what qmp_frame_close() needs to know of the output stays as it is.
 */
__attribute__((format(printf, 2, 3))) void frame_broken(struct qmp_frame *frame, const char *format,
                                                        ...);

/**
 * The value ends here and now with an error that replaces any earlier one; the scan goes on in
 * state
 * @lexer. Returns QMP_FRAME_ERROR.
 */
__attribute__((format(printf, 3, 4))) enum qmp_frame_event
frame_abandon(struct qmp_frame *frame, enum lexer_state lexer, const char *format, ...);

/** Writes a part of a token, unless the value is broken. */
void frame_put(struct qmp_frame *frame, struct qmp_buffer *out, const char *text, size_t size);

/* Tokens: each returns an event, or GO_ON. The text of numbers and keywords is in frame->token. */
enum qmp_frame_event frame_open_bracket(struct qmp_frame *frame, struct qmp_buffer *out,
                                        char token);
enum qmp_frame_event frame_close_bracket(struct qmp_frame *frame, struct qmp_buffer *out,
                                         char token);
enum qmp_frame_event frame_separator(struct qmp_frame *frame, struct qmp_buffer *out, char token);
void frame_begin_string(struct qmp_frame *frame, struct qmp_buffer *out, char quote);
enum qmp_frame_event frame_end_string(struct qmp_frame *frame, struct qmp_buffer *out);
enum qmp_frame_event frame_number(struct qmp_frame *frame, struct qmp_buffer *out, bool is_integer);
enum qmp_frame_event frame_keyword(struct qmp_frame *frame, struct qmp_buffer *out);

#endif
