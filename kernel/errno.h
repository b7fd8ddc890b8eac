/* SPDX-License-Identifier: BSD-2-Clause */
/* Error numbers, negated on return; the values are those of Linux. */
#ifndef KERNEL_ERRNO_H
#define KERNEL_ERRNO_H

#ifndef EPERM
#define EPERM      1  /* not allowed */
#define ENOENT     2  /* no such thing */
#define EIO        5  /* the data is damaged */
#define E2BIG      7  /* more is needed than was given */
#define EAGAIN     11 /* not finished: call again */
#define ENOMEM     12 /* no memory of the kind that was asked for */
#define EFAULT     14 /* an address that is not backed by memory */
#define EBUSY      16 /* in use, or not in a state that allows it */
#define ENODEV     19 /* no such device */
#define EINVAL     22 /* malformed, or out of range */
#define ENOSPC     28 /* a fixed-size table is full */
#define ERANGE     34 /* a number out of range */
#define EOPNOTSUPP 95 /* well formed, but not supported */
#endif

#endif
