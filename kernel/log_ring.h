/* SPDX-License-Identifier: BSD-2-Clause */
/* The reading end of the log, for the console and for panic(). */
#ifndef KERNEL_LOG_RING_H
#define KERNEL_LOG_RING_H

#include "kernel/ring.h"

extern struct ring log_ring;

#endif
