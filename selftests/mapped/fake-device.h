/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For programs as they are: with `-include fake-device.h` and fake.c they run
 * without the module.  Closing an end counts although it is still mapped.
 */
#ifndef FAKE_DEVICE_H
#define FAKE_DEVICE_H

#include <fcntl.h>
#include <unistd.h>

#include "fake.h"

#define open(path, flags)	((void)(path), (void)(flags), fake_device_open())
#define close(fd)		fake_device_close(fd)

#endif /* FAKE_DEVICE_H */
