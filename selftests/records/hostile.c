// SPDX-License-Identifier: GPL-2.0
/* A mapped peer that writes what it likes into headers, positions and slots. */

#include "fix_records.h"

static unsigned char *map_producer(int fd, struct ferrio_rb_info *info)
{
	unsigned char *window;

	rb_info(fd, info);
	window = mmap(NULL, info->map_bytes - info->map_producer, PROT_READ | PROT_WRITE,
		      MAP_SHARED, fd, info->map_producer);
	if (window == MAP_FAILED)
		rb_die("mmap: %s", strerror(errno));
	return window;
}

/* What read(2) makes of a header: it is told, once, and the ring is corrupt. */
TEST_F(records, headers)
{
	const uint64_t phase = FERRIO_RB_RECORD_PHASE;
	const uint64_t bad[] = {
		0, phase | FERRIO_RB_RECORD_BUSY | 8, phase | 9999, phase | 17,
		phase | 8 | 1ULL << FERRIO_RB_RECORD_CHECK_SHIFT, phase | 8 | 1ULL << 36,
		phase | 8 | 1ULL << 46, phase | FERRIO_RB_RECORD_GAP | 8, 8,
		phase | FERRIO_RB_RECORD_LEN, ~0ULL,
	};
	char buf[RB_PAGE];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		int fd = rb_open(O_RDWR), w;
		struct ferrio_rb_producer_page *page;
		struct ferrio_rb_info info;

		ASSERT_EQ(0, set_records(fd, RB_PAGE, variant->flags));
		w = rb_mint(fd, FERRIO_RB_WRITE);
		page = (void *)map_producer(w, &info);
		*(uint64_t *)((char *)page + info.map_data - info.map_producer) = bad[i];
		__atomic_store_n(&page->end.position, 24, __ATOMIC_RELEASE);
		EXPECT_EQ(-EBADMSG, E(read(fd, buf, sizeof(buf))));
		EXPECT_EQ(-EBADMSG, E(write(fd, buf, 1)));
		rb_info(fd, &info);
		EXPECT_EQ(FERRIO_RB_CORRUPT_PRODUCER, info.corrupt);
		munmap(page, info.map_bytes - info.map_producer);
		close(w);
		close(fd);
	}
}

/* The same, by the library, of a producer that is no library. */
TEST_F(records, headers_seen_by_a_mapping)
{
	struct ferrio_rb_producer_page *page;
	struct ferrio_rb_info info;
	struct ring_records c;
	const void *payload;
	size_t bytes;
	int w, r;

	w = rb_mint(self->fd, FERRIO_RB_WRITE);
	page = (void *)map_producer(w, &info);
	r = rb_mint(self->fd, FERRIO_RB_READ);
	ASSERT_EQ(r, ring_records(r, FERRIO_RB_READ, 0, 0, &c));
	*(uint64_t *)((char *)page + info.map_data - info.map_producer) =
		FERRIO_RB_RECORD_PHASE | 17;
	__atomic_store_n(&page->end.position, 24, __ATOMIC_RELEASE);
	EXPECT_EQ(-1, ring_record_next(&c, &payload, &bytes));
	EXPECT_EQ(EBADMSG, errno);
	rb_info(self->fd, &info);
	EXPECT_EQ(FERRIO_RB_CORRUPT_PRODUCER_TOLD, info.corrupt);
	ring_records_close(&c);
	munmap(page, info.map_bytes - info.map_producer);
	close(w);
}

/*
 * Random words everywhere, while another ring goes on: each call ends, nothing that
 * is read is longer than a record, and the innocent are not concerned.
 */
TEST_F_TIMEOUT(records, random_words, 90)
{
	uint64_t state = rb_seed();
	char buf[RB_PAGE], mine[16];
	int rounds_left = rounds(3000, 300);

	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	while (rounds_left--) {
		struct ferrio_rb_info info;
		int fd = rb_open(O_RDWR | O_NONBLOCK), w, r;
		uint64_t *consumer;
		char *window;

		ASSERT_EQ(0, set_records(fd, RB_PAGE, variant->flags));
		w = rb_mint(fd, FERRIO_RB_WRITE);
		r = rb_mint(fd, FERRIO_RB_READ);
		window = (char *)map_producer(w, &info);
		consumer = mmap(NULL, RB_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, r, 0);
		ASSERT_NE(MAP_FAILED, consumer);
		for (int i = 0; i < 20; i++) {
			uint64_t word = rb_random(&state) >> rb_random(&state) % 64;
			size_t at = rb_random(&state) % 64 * 8;
			long got;

			switch (rb_random(&state) % 6) {
			case 0:		/* a header that may be one */
				word = (at / 8) << FERRIO_RB_RECORD_CHECK_SHIFT |
					FERRIO_RB_RECORD_PHASE | word % 64;
				/* fallthrough */
			case 1:
				*(uint64_t *)(window + info.map_data - info.map_producer + at) =
					word;
				break;
			case 2:		/* the page: position, slots and all */
				*(uint64_t *)(window + at * 2) = word % 8192 * 8;
				break;
			case 3:
				*consumer = word % 8192;
				break;
			case 4:
				got = E(write(fd, buf, rb_random(&state) % RB_PAGE));
				ASSERT_GE((long)RB_PAGE, got);
				break;
			default:
				got = E(read(fd, buf, sizeof(buf)));
				ASSERT_GE((long)LARGEST, got);
			}
		}
		rb_info(fd, &info);
		munmap(window, info.map_bytes - info.map_producer);
		munmap(consumer, RB_PAGE);
		close(w);
		close(r);
		close(fd);
		ASSERT_EQ(8, write(self->fd, "innocent", 8));
		ASSERT_EQ(8, read(self->fd, mine, sizeof(mine)));
		ASSERT_EQ(0, memcmp(mine, "innocent", 8));
	}
}

TEST_HARNESS_MAIN
