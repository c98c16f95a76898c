/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Framing of a stream of JSON objects as the QEMU family sends them, without building a tree.
 *
 * A frame scanner is fed with bytes in chunks of any size and tells where objects begin and end,
 * what their top-level members are called, and what is wrong with them. What it has checked it
 * writes out in normal form: RFC 8259 JSON in valid UTF-8, without white space outside strings,
 * single-quoted strings (an extension of QEMU's parser) in double quotes. Whoever reads the output
 * therefore can't understand it differently from the scanner: this is what makes it safe to stream
 * an object to another parser after looking at its "execute" member only.
 *
 * Errors, their wording and the points where the scanner finds its way back into the stream are
 * those of QEMU's parser (docs/interop/qmp-spec.txt, "Forcing the JSON parser into known-good
 * state"): a control character other than white space, or byte 0xFE or 0xFF, is an error and
 * resets the scanner wherever it stands; after an error of the grammar the object is read to its
 * end first, as balanced brackets count it.
 */
#ifndef QMP_FRAME_H
#define QMP_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "error.h"

/** The byte that resets a peer's parser, and that announces the reply to guest-sync-delimited. */
#define QMP_FRAME_RESET_BYTE ((char)0xFF)

/** How deep arrays and objects may be nested; QEMU's own limit (qobject/json-streamer.c). */
#define QMP_FRAME_DEPTH_MAX 1024

/** How many bytes of a top-level member's name are kept; a longer one is cut. */
#define QMP_FRAME_NAME_MAX 64

/** How many bytes of a top-level member's value are kept; of a longer one, none. */
#define QMP_FRAME_VALUE_MAX 4096

/** The longest number or keyword. */
#define QMP_FRAME_TOKEN_MAX 256

/** The room in its output without which a call makes no progress. */
#define QMP_FRAME_OUT_MIN (QMP_FRAME_TOKEN_MAX + 16)

/** What qmp_frame_feed() came across. */
enum qmp_frame_event {
    QMP_FRAME_MORE,   /**< all the input is used up */
    QMP_FRAME_FULL,   /**< the output has no room: drain it and call again with the rest */
    QMP_FRAME_MEMBER, /**< a top-level object's member: its name is in name */
    QMP_FRAME_VALUE,  /**< the value of that member is complete: see value */
    QMP_FRAME_END,    /**< the value at the top level is complete and well-formed */
    QMP_FRAME_ERROR,  /**< what came since the last END or ERROR is broken: see error */
};

/** Kinds of JSON values. */
enum qmp_frame_kind {
    QMP_KIND_NONE,
    QMP_KIND_OBJECT,
    QMP_KIND_ARRAY,
    QMP_KIND_STRING,
    QMP_KIND_NUMBER,
    QMP_KIND_KEYWORD, /**< true, false or null */
};

/** Options for qmp_frame_init(). */
enum qmp_frame_flags {
    /** Write a space after each ':' and ',' as QEMU does, for output that goes to a host. */
    QMP_FRAME_SPACED = 1 << 0,
};

/**
 * The state of a scanner. The members up to the line may be read after the events named; it is
 * plain memory without anything to release.
 */
struct qmp_frame {
    enum qmp_frame_kind kind; /**< what stands at the top level; NONE before it begins */
    /** After MEMBER: the name, decoded and terminated; cut at QMP_FRAME_NAME_MAX. */
    char name[QMP_FRAME_NAME_MAX + 1];
    size_t name_size; /**< its length before the cut; strlen() ends at a U+0000 in it */
    enum qmp_frame_kind value_kind;  /**< after VALUE: the member's kind */
    char value[QMP_FRAME_VALUE_MAX]; /**< after VALUE: the member's JSON text, not terminated */
    size_t value_size;               /**< its real length; over QMP_FRAME_VALUE_MAX: value is cut */
    size_t members;         /**< how many members all objects of this value have had so far */
    size_t values;          /**< how many values it has had so far, itself and all inside it */
    unsigned int depth_max; /**< the deepest nesting of this value so far */
    struct qmp_error error; /**< after ERROR */

    /* ---- private ---- */
    unsigned int flags;
    unsigned int lexer;   /* enum lexer_state */
    unsigned int grammar; /* enum grammar_state */
    unsigned int depth;   /* open arrays and objects, as long as the grammar holds */
    int braces, brackets; /* the same as QEMU counts them, to find the end of a broken value */
    bool done;            /* the value has ended: begin anew on the next call … */
    unsigned int restart; /* … in this state of the lexer */
    bool broken;          /* the grammar doesn't hold: read to the end, write nothing more */
    bool comma;           /* a comma is to be written before the next token */
    bool is_key;          /* the last string is a member's name */
    bool open_string;     /* what is written ends inside a string */
    bool keep;            /* what is written is kept in value, too */
    char quote;           /* the character that ends the string being read */
    uint32_t high;        /* the first half of a surrogate pair, or 0 */
    unsigned int missing; /* how many bytes of a character or escape are to come */
    char piece[8];        /* what has come of it */
    unsigned int piece_size;
    char token[QMP_FRAME_TOKEN_MAX + 1]; /* the number or keyword; the beginning of a string */
    unsigned int token_size;
    uint8_t stack[QMP_FRAME_DEPTH_MAX / 8]; /* a bit for each open level; 1: an object */
};

/** Makes @frame ready for the beginning of a stream. @flags: of enum qmp_frame_flags. */
void qmp_frame_init(struct qmp_frame *frame, unsigned int flags);

/**
 * Scans up to @size bytes of @data and appends the normal form of what was scanned to @out.
 * Returns at each event; *@ret_used (never NULL) is how far it came, and the call is to be repeated
 * with what follows until QMP_FRAME_MORE. A chunk's size has no influence on the events nor on the
 * output: one byte at a time gives the same as all at once.
 * @out: its limit bounds what a call writes (QMP_FRAME_FULL, when it has less room than
 * QMP_FRAME_OUT_MIN); NULL: nothing is written. Strings are written while they come, other tokens
 * as a whole, and nothing more after an error in the value. Time is linear in @size; memory is
 * @frame and @out.
 */
enum qmp_frame_event qmp_frame_feed(struct qmp_frame *frame, const char *data, size_t size,
                                    size_t *ret_used, struct qmp_buffer *out);

/** True while the scanner is inside an array or object, or inside a token. */
bool qmp_frame_is_inside(const struct qmp_frame *frame);

/**
 * Appends to @out, which has had the output so far, what makes the value complete up to and
 * including depth @depth (0: all of it; 1: all but the top-level object's closing brace): ends the
 * string, gives a member without a value null, closes arrays and objects. Resets the scanner.
 * Returns 0, -ENOBUFS or -ENOMEM.
 */
int qmp_frame_close(struct qmp_frame *frame, unsigned int depth, struct qmp_buffer *out);

/**
 * The name under which the last MEMBER came, compared with @name by bytes and length.
 */
bool qmp_frame_name_is(const struct qmp_frame *frame, const char *name);

/**
 * Decodes the last VALUE, which must be a string, into @text (size bytes with the terminator).
 * Returns its length, -EINVAL (not a string, or one with a U+0000 inside) or -ENOBUFS.
 */
int qmp_frame_value_string(const struct qmp_frame *frame, char *text, size_t size);

#endif
