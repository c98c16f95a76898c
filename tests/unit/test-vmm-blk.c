/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Virtio block device on a real file. */
#include "main.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <stdlib.h>
#include <unistd.h>

#include "cpuctl.h"
#include "vmm-driver.h"
#include "vmm/virtio-blk.h"

#define SECTORS 64ULL
#define HEADER  DRIVER_BUFFERS
#define DATA    (DRIVER_BUFFERS + 0x10000)
#define STATUS  (DRIVER_BUFFERS + 0x1000)
#define SIZE    16

static struct driver d;
static struct virtio_blk *blk;
static char path[] = "/tmp/test-vmm-blk.XXXXXX";
static int file;

static void attach(bool read_only)
{
    const struct virtio_blk_options options = { .path = path,
                                                .read_only = read_only,
                                                .serial = "a serial of more than twenty" };

    driver_init(&d);
    ck_assert_int_eq(virtio_blk_new(&d.memory, &options, &blk, NULL), 0);
    driver_attach(&d, virtio_blk_device(blk));
    driver_start(&d, 1ULL << VIRTIO_BLK_F_FLUSH | 1ULL << VIRTIO_RING_F_INDIRECT_DESC, SIZE);
}

static void make_file(void)
{
    strcpy(path + strlen(path) - 6, "XXXXXX");
    file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(ftruncate(file, SECTORS * 512), 0);
    ck_assert_int_eq(pwrite(file, "sector 5", 8, 5 * 512), 8);
}

static void setup(void)
{
    make_file();
    attach(false);
}

static void setup_read_only(void)
{
    make_file();
    attach(true);
}

static void teardown(void)
{
    driver_free(&d);
    virtio_blk_free(blk);
    close(file);
    unlink(path);
}

/* Waits for the thread and lets the device finish. */
static void complete(void)
{
    struct pollfd fd = { .fd = virtio_blk_fd(blk), .events = POLLIN };

    ck_assert_int_eq(poll(&fd, 1, 10000), 1);
    virtio_blk_complete(blk);
}

/* A request with @size bytes of data; its status, and in *@ret_written what the device wrote. */
static int request(uint32_t type, uint64_t sector, uint32_t size, bool in, uint32_t *ret_written)
{
    struct virtio_blk_outhdr header = { .type = type, .sector = sector };
    struct driver_buffer buffers[3] = { { .address = HEADER, .size = sizeof(header) } };
    unsigned int count = 1;
    uint8_t *status = driver_at(&d, STATUS);
    uint32_t head;

    memcpy(driver_at(&d, HEADER), &header, sizeof(header));
    if (size > 0)
        buffers[count++] = (struct driver_buffer){ .address = DATA, .size = size, .in = in };
    buffers[count++] = (struct driver_buffer){ .address = STATUS, .size = 1, .in = true };
    *status = 0xee;
    driver_add(&d, 0, buffers, count);
    driver_notify(&d, 0);
    if (!driver_take(&d, 0, &head, ret_written)) {
        complete();
        ck_assert(driver_take(&d, 0, &head, ret_written));
    }
    return *status;
}

START_TEST(configuration)
{
    ck_assert_uint_eq(driver_read(&d, VIRTIO_REGION_DEVICE, 8), SECTORS);
    ck_assert_uint_eq(driver_read(&d, VIRTIO_REGION_DEVICE + 8, 4), 65536);
    ck_assert_uint_eq(driver_read(&d, VIRTIO_REGION_DEVICE + 12, 4), 126);
    ck_assert_uint_eq(driver_read(&d, VIRTIO_REGION_DEVICE + 20, 4), 512);
    ck_assert_uint_eq(driver_read(&d, VIRTIO_REGION_DEVICE + 24, 4), 0xffffffff);
    driver_write(&d, VIRTIO_REGION_DEVICE, 8, 1);
    ck_assert_uint_eq(driver_read(&d, VIRTIO_REGION_DEVICE, 8), SECTORS);
}
END_TEST

START_TEST(reads_and_writes)
{
    char back[16] = "";
    uint32_t written;

    ck_assert_int_eq(request(VIRTIO_BLK_T_IN, 5, 1024, true, &written), VIRTIO_BLK_S_OK);
    ck_assert_uint_eq(written, 1025);
    ck_assert_mem_eq(driver_at(&d, DATA), "sector 5", 9);
    memcpy(driver_at(&d, DATA), "written!", 8);
    ck_assert_int_eq(request(VIRTIO_BLK_T_OUT, SECTORS - 1, 512, false, &written), VIRTIO_BLK_S_OK);
    ck_assert_uint_eq(written, 1);
    ck_assert_int_eq(pread(file, back, 8, (SECTORS - 1) * 512), 8);
    ck_assert_str_eq(back, "written!");
    ck_assert_int_eq(request(VIRTIO_BLK_T_FLUSH, 0, 0, false, &written), VIRTIO_BLK_S_OK);
    ck_assert_uint_eq(d.raised[1], 3);
}
END_TEST

/* Header, data and status cut anywhere (2.7.4.3: no assumption on framing). */
START_TEST(odd_framing)
{
    const struct driver_buffer buffers[] = {
        { .address = HEADER, .size = 7 },
        { .address = HEADER + 7, .size = 9 + 100 },
        { .address = HEADER + 116, .size = 412 },
        { .address = STATUS, .size = 1, .in = true },
    };
    struct virtio_blk_outhdr header = { .type = VIRTIO_BLK_T_OUT, .sector = 2 };
    char data[512], back[512];
    uint32_t head, written;

    for (unsigned int i = 0; i < sizeof(data); i++)
        data[i] = (char)i;
    memcpy(driver_at(&d, HEADER), &header, sizeof(header));
    memcpy(driver_at(&d, HEADER + sizeof(header)), data, sizeof(data));
    driver_add(&d, 0, buffers, 4);
    driver_notify(&d, 0);
    complete();
    ck_assert(driver_take(&d, 0, &head, &written));
    ck_assert_uint_eq(*(uint8_t *)driver_at(&d, STATUS), VIRTIO_BLK_S_OK);
    ck_assert_int_eq(pread(file, back, 512, 1024), 512);
    ck_assert_mem_eq(back, data, 512);
}
END_TEST

/* Data and status in one buffer. */
START_TEST(status_behind_data)
{
    const struct driver_buffer buffers[] = { { .address = HEADER, .size = 16 },
                                             { .address = DATA, .size = 513, .in = true } };
    struct virtio_blk_outhdr header = { .type = VIRTIO_BLK_T_IN, .sector = 5 };
    uint32_t head, written;

    memcpy(driver_at(&d, HEADER), &header, sizeof(header));
    *(uint8_t *)driver_at(&d, DATA + 512) = 0xee;
    driver_add(&d, 0, buffers, 2);
    driver_notify(&d, 0);
    complete();
    ck_assert(driver_take(&d, 0, &head, &written));
    ck_assert_uint_eq(written, 513);
    ck_assert_mem_eq(driver_at(&d, DATA), "sector 5", 9);
    ck_assert_uint_eq(*(uint8_t *)driver_at(&d, DATA + 512), VIRTIO_BLK_S_OK);
}
END_TEST

START_TEST(many_requests)
{
    struct virtio_blk_outhdr header = { .type = VIRTIO_BLK_T_IN };
    const struct driver_buffer buffers[] = { { .address = HEADER, .size = 16 },
                                             { .address = DATA, .size = 512, .in = true },
                                             { .address = STATUS, .size = 1, .in = true } };
    uint32_t head, written;

    memcpy(driver_at(&d, HEADER), &header, sizeof(header));
    for (int i = 0; i < 5; i++)
        driver_add(&d, 0, buffers, 3);
    driver_notify(&d, 0);
    for (int i = 0; i < 5; i++) {
        driver_notify(&d, 0); /* while the thread is at work */
        complete();
        ck_assert(driver_take(&d, 0, &head, &written));
        ck_assert_uint_eq(written, 513);
    }
    ck_assert(!driver_take(&d, 0, &head, &written));
}
END_TEST

START_TEST(get_id)
{
    uint32_t written;

    memset(driver_at(&d, DATA), 0, 64);
    ck_assert_int_eq(request(VIRTIO_BLK_T_GET_ID, 0, 20, true, &written), VIRTIO_BLK_S_OK);
    ck_assert_uint_eq(written, 21);
    ck_assert_mem_eq(driver_at(&d, DATA), "a serial of more tha\0\0", 22);
    ck_assert_int_eq(request(VIRTIO_BLK_T_GET_ID, 0, 19, true, &written), VIRTIO_BLK_S_IOERR);
}
END_TEST

START_TEST(out_of_range)
{
    static const struct {
        uint64_t sector;
        uint32_t size;
    } ranges[] = {
        { SECTORS, 512 },           { SECTORS - 1, 1024 },         { UINT64_MAX, 512 },
        { UINT64_MAX / 512, 512 },  { UINT64_MAX / 512 + 1, 512 }, { 0, 511 },
        { 0, (SECTORS + 1) * 512 },
    };
    uint32_t written;

    ck_assert_int_lt(_i, (int)(sizeof(ranges) / sizeof(ranges[0])));
    ck_assert_int_eq(request(VIRTIO_BLK_T_IN, ranges[_i].sector, ranges[_i].size, true, &written),
                     VIRTIO_BLK_S_IOERR);
    ck_assert_uint_eq(written, 0);
    ck_assert_int_eq(request(VIRTIO_BLK_T_OUT, ranges[_i].sector, ranges[_i].size, false, &written),
                     VIRTIO_BLK_S_IOERR);
    ck_assert_int_eq(lseek(file, 0, SEEK_END), SECTORS * 512);
}
END_TEST

START_TEST(unknown_request)
{
    uint32_t written;

    ck_assert_int_eq(request(3, 0, 512, true, &written), VIRTIO_BLK_S_UNSUPP);
    ck_assert_int_eq(request(UINT32_MAX, 0, 0, true, &written), VIRTIO_BLK_S_UNSUPP);
}
END_TEST

/* Nowhere to read the header from, or to put the status. */
START_TEST(request_without_a_place)
{
    static const struct driver_buffer requests[][2] = {
        { { .address = HEADER, .size = 15 }, { .address = STATUS, .size = 1, .in = true } },
        { { .address = HEADER, .size = 16 }, { .address = STATUS, .size = 0, .in = true } },
    };

    driver_add(&d, 0, requests[_i], 2);
    driver_notify(&d, 0);
    ck_assert(driver_read(&d, VIRTIO_PCI_COMMON_STATUS, 1) & VIRTIO_CONFIG_S_NEEDS_RESET);
}
END_TEST

START_TEST(file_is_cut)
{
    uint32_t written;

    ck_assert_int_eq(ftruncate(file, 512), 0);
    ck_assert_int_eq(request(VIRTIO_BLK_T_IN, 5, 512, true, &written), VIRTIO_BLK_S_IOERR);
}
END_TEST

START_TEST(reset_while_at_work)
{
    const struct driver_buffer buffers[] = { { .address = HEADER, .size = 16 },
                                             { .address = DATA, .size = 512, .in = true },
                                             { .address = STATUS, .size = 1, .in = true } };
    uint32_t head, written;

    memset(driver_at(&d, HEADER), 0, 16);
    for (int i = 0; i < 50; i++) {
        driver_add(&d, 0, buffers, 3);
        driver_notify(&d, 0);
        driver_start(&d, 0, SIZE);
        virtio_blk_complete(blk);
        ck_assert(!driver_take(&d, 0, &head, &written));
    }
    ck_assert_int_eq(request(VIRTIO_BLK_T_IN, 5, 512, true, &written), VIRTIO_BLK_S_OK);
}
END_TEST

START_TEST(read_only)
{
    struct virtio_blk_options options = { .path = path };
    struct virtio_blk *second;
    uint32_t written;

    driver_write(&d, VIRTIO_PCI_COMMON_DFSELECT, 4, 0);
    ck_assert(driver_read(&d, VIRTIO_PCI_COMMON_DF, 4) & 1ULL << VIRTIO_BLK_F_RO);
    ck_assert_int_eq(request(VIRTIO_BLK_T_OUT, 5, 512, false, &written), VIRTIO_BLK_S_IOERR);
    ck_assert_int_eq(request(VIRTIO_BLK_T_IN, 5, 512, true, &written), VIRTIO_BLK_S_OK);
    ck_assert_mem_eq(driver_at(&d, DATA), "sector 5", 9);
    ck_assert_int_eq(virtio_blk_new(&d.memory, &options, &second, NULL), -EBUSY);
    options.read_only = true;
    ck_assert_int_eq(virtio_blk_new(&d.memory, &options, &second, NULL), 0);
    virtio_blk_free(second);
}
END_TEST

START_TEST(file_that_is_no_disk)
{
    struct virtio_blk_options options = { .path = path };
    struct cpuctl_error error = { 0 };
    struct virtio_blk *none;

    ck_assert_int_eq(virtio_blk_new(&d.memory, &options, &none, &error), -EBUSY);
    ck_assert_ptr_nonnull(
        strstr(error.text, "it is locked: another --drive or another process uses it"));
    options.path = "/nonexistent";
    ck_assert_int_eq(virtio_blk_new(&d.memory, &options, &none, &error), -ENOENT);
    ck_assert_str_eq(error.text, "--drive /nonexistent: No such file or directory");
    options.path = "/dev/null";
    ck_assert_int_eq(virtio_blk_new(&d.memory, &options, &none, &error), -EINVAL);
    virtio_pci_free(d.device);
    d.device = NULL;
    virtio_blk_free(blk);
    blk = NULL;
    ck_assert_int_eq(ftruncate(file, 513), 0);
    options.path = path;
    ck_assert_int_eq(virtio_blk_new(&d.memory, &options, &none, &error), -EINVAL);
    ck_assert_ptr_nonnull(strstr(error.text, "513 bytes"));
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("vmm-blk");
    TCase *disk = tcase_create("disk"), *hostile = tcase_create("hostile");
    TCase *locked = tcase_create("read-only");

    tcase_add_checked_fixture(disk, setup, teardown);
    tcase_add_test(disk, configuration);
    tcase_add_test(disk, reads_and_writes);
    tcase_add_test(disk, odd_framing);
    tcase_add_test(disk, status_behind_data);
    tcase_add_test(disk, many_requests);
    tcase_add_test(disk, get_id);
    tcase_add_test(disk, file_that_is_no_disk);
    tcase_add_checked_fixture(hostile, setup, teardown);
    tcase_add_loop_test(hostile, out_of_range, 0, 7);
    tcase_add_test(hostile, unknown_request);
    tcase_add_loop_test(hostile, request_without_a_place, 0, 2);
    tcase_add_test(hostile, file_is_cut);
    tcase_add_test(hostile, reset_while_at_work);
    tcase_add_checked_fixture(locked, setup_read_only, teardown);
    tcase_add_test(locked, read_only);
    suite_add_tcase(suite, disk);
    suite_add_tcase(suite, hostile);
    suite_add_tcase(suite, locked);
    return suite;
}
