/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Giving memory back to the system. */
#ifndef AGENT_MEMORY_H
#define AGENT_MEMORY_H

/**
 * Gives back what the heap doesn't need any more, and unmaps the code and constants that only the
 * start or a past request needed: they come back from the page cache when they are used again.
 */
void memory_give_back(void);

#endif
