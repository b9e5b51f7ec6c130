/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where everything is in the structs of the ABI, in bytes: the same in programs of
 * 64 and of 32 bits, which are both built from here.
 */
#ifndef LAYOUT_H
#define LAYOUT_H

#include <stddef.h>

#include <ferrio/ringbuffer.h>

#define LAYOUT_SIZE(type, bytes) \
	_Static_assert(sizeof(struct type) == (bytes), #type)
#define LAYOUT_AT(type, member, bytes) \
	_Static_assert(offsetof(struct type, member) == (bytes), #type "." #member)

LAYOUT_SIZE(ferrio_rb_info, 216);
LAYOUT_AT(ferrio_rb_info, abi_version, 4);
LAYOUT_AT(ferrio_rb_info, features, 8);
LAYOUT_AT(ferrio_rb_info, min_bytes, 16);
LAYOUT_AT(ferrio_rb_info, max_bytes, 24);
LAYOUT_AT(ferrio_rb_info, default_bytes, 32);
LAYOUT_AT(ferrio_rb_info, user_max_rings, 40);
LAYOUT_AT(ferrio_rb_info, user_max_bytes, 48);
LAYOUT_AT(ferrio_rb_info, user_rings, 56);
LAYOUT_AT(ferrio_rb_info, user_bytes, 64);
LAYOUT_AT(ferrio_rb_info, ring_bytes, 72);
LAYOUT_AT(ferrio_rb_info, kind, 80);
LAYOUT_AT(ferrio_rb_info, state, 84);
LAYOUT_AT(ferrio_rb_info, corrupt, 88);
LAYOUT_AT(ferrio_rb_info, page_bytes, 92);
LAYOUT_AT(ferrio_rb_info, map_bytes, 96);
LAYOUT_AT(ferrio_rb_info, map_consumer, 104);
LAYOUT_AT(ferrio_rb_info, map_state, 112);
LAYOUT_AT(ferrio_rb_info, map_producer, 120);
LAYOUT_AT(ferrio_rb_info, map_data, 128);
LAYOUT_AT(ferrio_rb_info, records, 136);
LAYOUT_AT(ferrio_rb_info, lost, 144);
LAYOUT_AT(ferrio_rb_info, slot, 208);

LAYOUT_SIZE(ferrio_rb_size, 16);
LAYOUT_AT(ferrio_rb_size, bytes, 8);

LAYOUT_SIZE(ferrio_rb_mint, 16);
LAYOUT_AT(ferrio_rb_mint, rw, 8);
LAYOUT_AT(ferrio_rb_mint, fd, 12);

LAYOUT_SIZE(ferrio_rb_shutdown, 16);
LAYOUT_AT(ferrio_rb_shutdown, rw, 8);

LAYOUT_SIZE(ferrio_rb_wait, 40);
LAYOUT_AT(ferrio_rb_wait, flags, 4);
LAYOUT_AT(ferrio_rb_wait, rw, 8);
LAYOUT_AT(ferrio_rb_wait, state, 12);
LAYOUT_AT(ferrio_rb_wait, min_bytes, 16);
LAYOUT_AT(ferrio_rb_wait, timeout, 24);
LAYOUT_AT(ferrio_rb_wait, bytes, 32);

LAYOUT_SIZE(ferrio_rb_wakeup, 16);
LAYOUT_AT(ferrio_rb_wakeup, rw, 8);

LAYOUT_SIZE(ferrio_rb_end_page, 256);
LAYOUT_AT(ferrio_rb_end_page, armed, 128);
LAYOUT_AT(ferrio_rb_end_page, wanted, 136);

LAYOUT_SIZE(ferrio_rb_counters, 64);
LAYOUT_SIZE(ferrio_rb_losses, 64);
LAYOUT_AT(ferrio_rb_losses, discarded, 32);
LAYOUT_SIZE(ferrio_rb_slot, 64);
LAYOUT_AT(ferrio_rb_slot, position, 8);
LAYOUT_AT(ferrio_rb_slot, header, 16);
LAYOUT_AT(ferrio_rb_slot, lost, 24);
LAYOUT_AT(ferrio_rb_slot, discarded, 56);
LAYOUT_SIZE(ferrio_rb_producer_page, 512);
LAYOUT_AT(ferrio_rb_producer_page, reserve, 256);
LAYOUT_AT(ferrio_rb_producer_page, limit, 384);
LAYOUT_SIZE(ferrio_rb_state_page, 320);
LAYOUT_AT(ferrio_rb_state_page, ring_bytes, 8);
LAYOUT_AT(ferrio_rb_state_page, state, 16);
LAYOUT_AT(ferrio_rb_state_page, corrupt, 24);
LAYOUT_AT(ferrio_rb_state_page, generation, 32);
LAYOUT_AT(ferrio_rb_state_page, consumer, 64);
LAYOUT_AT(ferrio_rb_state_page, producer, 128);
LAYOUT_AT(ferrio_rb_state_page, records, 192);
LAYOUT_AT(ferrio_rb_state_page, lost, 256);

/* What is in a command number is for ever. */
_Static_assert(FERRIO_RB_GET_INFO == 0xc058be00, "GET_INFO");
_Static_assert(FERRIO_RB_SET_SIZE == 0x4010be01, "SET_SIZE");
_Static_assert(FERRIO_RB_MINT == 0xc010be02, "MINT");
_Static_assert(FERRIO_RB_SHUTDOWN == 0x4010be03, "SHUTDOWN");
_Static_assert(FERRIO_RB_WAIT == 0xc028be10, "WAIT");
_Static_assert(FERRIO_RB_WAKEUP == 0x4010be11, "WAKEUP");
_Static_assert(FERRIO_RB_BLAME == 0x4010be12, "BLAME");

#endif /* LAYOUT_H */
