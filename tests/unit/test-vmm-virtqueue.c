/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Split virtqueues: what a driver may do, and what breaks the queue. */
#include "main.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "vmm-driver.h"
#include "vmm/virtqueue.h"

#define SIZE  8U
#define DESC  0x1000ULL
#define AVAIL 0x2000ULL
#define USED  0x3000ULL
#define TABLE 0x4000ULL
#define DATA  0x10000ULL

static struct memory memory;
static struct virtqueue queue;
static struct virtqueue_chain chain;
static struct vring_desc *desc, *table;
static struct vring_avail *avail;
static struct vring_used *used;

static void setup(void)
{
    struct memory_config config = { .size = DRIVER_RAM };

    ck_assert_int_eq(memory_new(&config, &memory, NULL), 0);
    virtqueue_reset(&queue, &memory, 256);
    queue.size = SIZE;
    queue.desc = DESC;
    queue.driver = AVAIL;
    queue.device = USED;
    queue.indirect = true;
    ck_assert_int_eq(virtqueue_enable(&queue), 0);
    desc = memory_at(&memory, DESC, 1);
    table = memory_at(&memory, TABLE, 1);
    avail = memory_at(&memory, AVAIL, 1);
    used = memory_at(&memory, USED, 1);
}

static void teardown(void)
{
    memory_free(&memory);
}

static void offer(uint16_t head)
{
    avail->ring[avail->idx % SIZE] = head;
    avail->idx++;
}

static void describe(struct vring_desc *at, uint64_t address, uint32_t size, uint16_t flags,
                     uint16_t next)
{
    *at = (struct vring_desc){ .addr = address, .len = size, .flags = flags, .next = next };
}

static void expect_broken(void)
{
    ck_assert_int_eq(virtqueue_pop(&queue, &chain), -EPROTO);
    ck_assert(queue.broken);
    /* It stays so, whatever is repaired. */
    describe(&desc[0], DATA, 16, 0, 0);
    ck_assert_int_eq(virtqueue_pop(&queue, &chain), 0);
    ck_assert(!virtqueue_wants_interrupt(&queue));
}

START_TEST(chain_is_read_and_finished)
{
    char data[12] = "";

    describe(&desc[3], DATA, 6, VRING_DESC_F_NEXT, 5);
    describe(&desc[5], DATA + 100, 4, VRING_DESC_F_NEXT, 1);
    describe(&desc[1], DATA + 200, 32, VRING_DESC_F_WRITE, 0);
    memcpy(memory_at(&memory, DATA, 6), "abcdef", 6);
    memcpy(memory_at(&memory, DATA + 100, 4), "ghij", 4);
    offer(3);
    ck_assert_int_eq(virtqueue_pop(&queue, &chain), 1);
    ck_assert_uint_eq(chain.out_count, 2);
    ck_assert_uint_eq(chain.in_count, 1);
    ck_assert_uint_eq(chain.out_size, 10);
    ck_assert_uint_eq(chain.in_size, 32);
    ck_assert_uint_eq(virtqueue_read(&chain, 4, data, 12), 6);
    ck_assert_mem_eq(data, "efghij", 6);
    ck_assert_uint_eq(virtqueue_read(&chain, 10, data, 12), 0);
    ck_assert_uint_eq(virtqueue_write(&chain, 30, "xyz", 3), 2);
    ck_assert_mem_eq(memory_at(&memory, DATA + 230, 2), "xy", 2);
    virtqueue_push(&queue, &chain, 32);
    ck_assert_uint_eq(used->idx, 1);
    ck_assert_uint_eq(used->ring[0].id, 3);
    ck_assert_uint_eq(used->ring[0].len, 32);
    ck_assert_int_eq(virtqueue_pop(&queue, &chain), 0);
}
END_TEST

START_TEST(chain_is_put_back)
{
    describe(&desc[0], DATA, 16, 0, 0);
    offer(0);
    ck_assert_int_eq(virtqueue_pop(&queue, &chain), 1);
    virtqueue_unpop(&queue);
    ck_assert_int_eq(virtqueue_pop(&queue, &chain), 1);
    ck_assert_int_eq(virtqueue_pop(&queue, &chain), 0);
}
END_TEST

START_TEST(indices_wrap)
{
    describe(&desc[0], DATA, 16, 0, 0);
    for (unsigned int i = 0; i < 70000; i++) {
        offer(0);
        ck_assert_int_eq(virtqueue_pop(&queue, &chain), 1);
        virtqueue_push(&queue, &chain, 0);
    }
    ck_assert_uint_eq(used->idx, 70000 & 0xffff);
    ck_assert_int_eq(virtqueue_pop(&queue, &chain), 0);
}
END_TEST

START_TEST(indirect_table)
{
    describe(&desc[0], TABLE, 3 * sizeof(*table), VRING_DESC_F_INDIRECT, 0);
    describe(&table[0], DATA, 1, VRING_DESC_F_NEXT, 2);
    describe(&table[2], DATA + 8, 2, VRING_DESC_F_WRITE, 0);
    offer(0);
    ck_assert_int_eq(virtqueue_pop(&queue, &chain), 1);
    ck_assert_uint_eq(chain.out_size, 1);
    ck_assert_uint_eq(chain.in_size, 2);
}
END_TEST

START_TEST(indirect_after_direct)
{
    describe(&desc[0], DATA, 1, VRING_DESC_F_NEXT, 1);
    describe(&desc[1], TABLE, sizeof(*table), VRING_DESC_F_INDIRECT, 0);
    describe(&table[0], DATA + 8, 2, VRING_DESC_F_WRITE, 0);
    offer(0);
    ck_assert_int_eq(virtqueue_pop(&queue, &chain), 1);
    ck_assert_uint_eq(chain.out_size, 1);
    ck_assert_uint_eq(chain.in_size, 2);
}
END_TEST

START_TEST(indirect_inside_indirect)
{
    describe(&desc[0], TABLE, sizeof(*table), VRING_DESC_F_INDIRECT, 0);
    describe(&table[0], TABLE, sizeof(*table), VRING_DESC_F_INDIRECT, 0);
    offer(0);
    expect_broken();
}
END_TEST

START_TEST(indirect_with_next)
{
    describe(&desc[0], TABLE, sizeof(*table), VRING_DESC_F_INDIRECT | VRING_DESC_F_NEXT, 1);
    offer(0);
    expect_broken();
}
END_TEST

START_TEST(indirect_not_negotiated)
{
    queue.indirect = false;
    describe(&desc[0], TABLE, sizeof(*table), VRING_DESC_F_INDIRECT, 0);
    describe(&table[0], DATA, 1, 0, 0);
    offer(0);
    expect_broken();
}
END_TEST

/* Sizes of an indirect table that can't be. */
START_TEST(indirect_of_wrong_size)
{
    static const uint32_t sizes[] = { 0, 1, 15, 17, UINT32_MAX, 0xfffffff0 };

    describe(&desc[0], TABLE, sizes[_i], VRING_DESC_F_INDIRECT, 0);
    offer(0);
    expect_broken();
}
END_TEST

START_TEST(chain_that_loops)
{
    describe(&desc[0], DATA, 16, VRING_DESC_F_NEXT, 1);
    describe(&desc[1], DATA, 16, VRING_DESC_F_NEXT, 0);
    offer(0);
    expect_broken();
}
END_TEST

START_TEST(indirect_chain_that_loops)
{
    describe(&desc[0], TABLE, sizeof(*table), VRING_DESC_F_INDIRECT, 0);
    describe(&table[0], DATA, 16, VRING_DESC_F_NEXT, 0);
    offer(0);
    expect_broken();
}
END_TEST

START_TEST(chain_as_long_as_the_queue)
{
    for (uint16_t i = 0; i < SIZE; i++)
        describe(&desc[i], DATA, 1, i + 1U < SIZE ? VRING_DESC_F_NEXT : 0, (uint16_t)(i + 1));
    offer(0);
    ck_assert_int_eq(virtqueue_pop(&queue, &chain), 1);
    ck_assert_uint_eq(chain.out_count, SIZE);
    /* One more, by way of a table. */
    for (uint16_t i = 0; i < SIZE; i++)
        describe(&table[i], DATA, 1, i + 1U < SIZE ? VRING_DESC_F_NEXT : 0, (uint16_t)(i + 1));
    describe(&desc[0], DATA, 1, VRING_DESC_F_NEXT, 1);
    describe(&desc[1], TABLE, SIZE * sizeof(*table), VRING_DESC_F_INDIRECT, 0);
    offer(0);
    expect_broken();
}
END_TEST

/* Heads and links out of the table. */
START_TEST(index_out_of_range)
{
    describe(&desc[0], DATA, 16, VRING_DESC_F_NEXT, _i ? 0xffff : SIZE);
    offer(0);
    expect_broken();
}
END_TEST

START_TEST(head_out_of_range)
{
    offer(_i ? 0xffff : SIZE);
    expect_broken();
}
END_TEST

/* Buffers that are not in RAM, or reach out of it. */
START_TEST(address_out_of_range)
{
    static const struct {
        uint64_t address;
        uint32_t size;
    } buffers[] = {
        { DRIVER_RAM, 1 }, { DRIVER_RAM - 15, 16 },    { 0, UINT32_MAX },
        { UINT64_MAX, 1 }, { UINT64_MAX, UINT32_MAX }, { 0xc0000000, 16 },
        { 1ULL << 32, 1 }, { 0xfee00000, 4 },          { UINT64_MAX - 15, 16 },
    };

    ck_assert_int_lt(_i, (int)(sizeof(buffers) / sizeof(buffers[0])));
    describe(&desc[0], buffers[_i].address, buffers[_i].size, 0, 0);
    offer(0);
    expect_broken();
}
END_TEST

START_TEST(readable_after_writable)
{
    describe(&desc[0], DATA, 16, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, 1);
    describe(&desc[1], DATA, 16, 0, 0);
    offer(0);
    expect_broken();
}
END_TEST

START_TEST(avail_index_jumps)
{
    avail->idx = SIZE + 1;
    expect_broken();
}
END_TEST

START_TEST(avail_index_goes_back)
{
    describe(&desc[0], DATA, 16, 0, 0);
    offer(0);
    ck_assert_int_eq(virtqueue_pop(&queue, &chain), 1);
    avail->idx = 0;
    expect_broken();
}
END_TEST

/* Areas and sizes with which a queue does not start. */
START_TEST(areas_are_checked)
{
    static const struct {
        uint64_t desc, driver, device;
        uint16_t size;
    } areas[] = {
        { DESC, AVAIL, USED, 0 },
        { DESC, AVAIL, USED, 7 },
        { DESC, AVAIL, USED, 512 },
        { DESC, AVAIL, USED, 0xffff },
        { DESC + 8, AVAIL, USED, SIZE },
        { DESC, AVAIL + 1, USED, SIZE },
        { DESC, AVAIL, USED + 2, SIZE },
        { DRIVER_RAM - 16, AVAIL, USED, SIZE },
        { DESC, DRIVER_RAM - 20, USED, SIZE },
        { DESC, AVAIL, DRIVER_RAM - 68, SIZE },
        { UINT64_MAX - 15, AVAIL, USED, SIZE },
        { DESC, 0xe0000000, USED, SIZE },
    };

    ck_assert_int_lt(_i, (int)(sizeof(areas) / sizeof(areas[0])));
    virtqueue_reset(&queue, &memory, 256);
    queue.size = areas[_i].size;
    queue.desc = areas[_i].desc;
    queue.driver = areas[_i].driver;
    queue.device = areas[_i].device;
    ck_assert_int_eq(virtqueue_enable(&queue), -EINVAL);
    ck_assert_int_eq(virtqueue_pop(&queue, &chain), 0);
}
END_TEST

START_TEST(areas_at_the_end_of_ram)
{
    virtqueue_reset(&queue, &memory, 256);
    queue.size = SIZE;
    queue.desc = DRIVER_RAM - 16 * SIZE;
    queue.driver = DRIVER_RAM - (6 + 2 * SIZE);
    queue.device = USED;
    ck_assert_int_eq(virtqueue_enable(&queue), 0);
}
END_TEST

static void finish_one(void)
{
    describe(&desc[0], DATA, 16, 0, 0);
    offer(0);
    ck_assert_int_eq(virtqueue_pop(&queue, &chain), 1);
    virtqueue_push(&queue, &chain, 0);
}

START_TEST(interrupts_by_flag)
{
    ck_assert(!virtqueue_wants_interrupt(&queue)); /* nothing was finished */
    finish_one();
    ck_assert(virtqueue_wants_interrupt(&queue));
    ck_assert(!virtqueue_wants_interrupt(&queue));
    avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
    finish_one();
    ck_assert(!virtqueue_wants_interrupt(&queue));
}
END_TEST

START_TEST(interrupts_by_event_index)
{
    uint16_t *used_event = &avail->ring[SIZE];
    uint16_t avail_event;

    queue.event_idx = true;
    avail->flags = VRING_AVAIL_F_NO_INTERRUPT; /* means nothing with the index */
    *used_event = 1;
    finish_one();
    ck_assert(!virtqueue_wants_interrupt(&queue));
    finish_one();
    ck_assert(virtqueue_wants_interrupt(&queue));
    finish_one();
    ck_assert(!virtqueue_wants_interrupt(&queue));
    ck_assert_int_eq(virtqueue_pop(&queue, &chain), 0);
    memcpy(&avail_event, &used->ring[SIZE], sizeof(avail_event));
    ck_assert_uint_eq(avail_event, 3); /* tell us of the fourth one */
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("vmm-virtqueue");
    TCase *good = tcase_create("good"), *hostile = tcase_create("hostile");

    tcase_add_checked_fixture(good, setup, teardown);
    tcase_add_checked_fixture(hostile, setup, teardown);
    tcase_add_test(good, chain_is_read_and_finished);
    tcase_add_test(good, chain_is_put_back);
    tcase_add_test(good, indices_wrap);
    tcase_add_test(good, indirect_table);
    tcase_add_test(good, indirect_after_direct);
    tcase_add_test(good, chain_as_long_as_the_queue);
    tcase_add_test(good, areas_at_the_end_of_ram);
    tcase_add_test(good, interrupts_by_flag);
    tcase_add_test(good, interrupts_by_event_index);
    tcase_add_test(hostile, indirect_inside_indirect);
    tcase_add_test(hostile, indirect_with_next);
    tcase_add_test(hostile, indirect_not_negotiated);
    tcase_add_loop_test(hostile, indirect_of_wrong_size, 0, 6);
    tcase_add_test(hostile, chain_that_loops);
    tcase_add_test(hostile, indirect_chain_that_loops);
    tcase_add_loop_test(hostile, index_out_of_range, 0, 2);
    tcase_add_loop_test(hostile, head_out_of_range, 0, 2);
    tcase_add_loop_test(hostile, address_out_of_range, 0, 9);
    tcase_add_test(hostile, readable_after_writable);
    tcase_add_test(hostile, avail_index_jumps);
    tcase_add_test(hostile, avail_index_goes_back);
    tcase_add_loop_test(hostile, areas_are_checked, 0, 12);
    suite_add_tcase(suite, good);
    suite_add_tcase(suite, hostile);
    return suite;
}
