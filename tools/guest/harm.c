/* SPDX-License-Identifier: BSD-2-Clause */
#include "harm.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <unistd.h>

/* Between the end of a guest's memory and the devices below 4 GiB. */
#define WILD_ADDRESS 0xD0000000

static void sysrq(char key)
{
    int fd = open("/proc/sysrq-trigger", O_WRONLY);

    if (fd < 0 || write(fd, &key, 1) != 1)
        perror("sysrq");
    if (fd >= 0)
        close(fd);
}

void harm_wild(void)
{
    int fd = open("/dev/mem", O_RDWR | O_SYNC);
    volatile uint64_t *page;

    if (fd < 0) {
        perror("/dev/mem");
        return;
    }
    page =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, WILD_ADDRESS);
    if (page == MAP_FAILED)
        perror("mmap of /dev/mem");
    else
        *page = UINT64_MAX;
    close(fd);
}

void harm_triple(void)
{
    sysrq('b');
}

void harm_panic(void)
{
    sysrq('c');
}

void harm_power_off(void)
{
    if (reboot(RB_POWER_OFF))
        perror("power off");
}
