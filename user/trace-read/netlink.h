/* SPDX-License-Identifier: GPL-2.0-only */
/* Inside the netlink source of counters: taking attributes out of messages. */
#ifndef TRACE_READ_NETLINK_H
#define TRACE_READ_NETLINK_H

#include <stddef.h>

#include "base.h"
#include "counters.h"

struct nl_msg;
struct nlattr;

/* Where an integer attribute goes. */
struct field {
	int attr;
	size_t offset;
	size_t size;
};

#define FIELD(attr, type, member) \
	{ attr, offsetof(type, member), sizeof(((type *)0)->member) }

/* Attributes of a width that differs from the field's are taken as absent. */
void netlink_take(void *to, struct nlattr **attrs, const struct field *fields, size_t n);
#define TAKE(to, attrs, fields) netlink_take(to, attrs, fields, ARRAY_LEN(fields))

/* The text of an attribute, for ever; "?" when it is absent. */
const char *attr_string(const struct nlattr *attr);

/* The functions of all frames in the message that have this type. */
void netlink_take_trail(struct trail *trail, struct nl_msg *msg, int type);

/* netlink_mem.c: messages about memory; @counters is a struct counters. */
int on_alloc(struct nl_msg *msg, void *counters);
int on_leak(struct nl_msg *msg, void *counters);
int on_held(struct nl_msg *msg, void *counters);
int on_bad_free(struct nl_msg *msg, void *counters);

#endif /* TRACE_READ_NETLINK_H */
