/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's devices. The numbers are those of vmm/devices/power.h and of the
 * first serial line. \_S5 needs the value of POWER_SLP_TYP_S5.
 */
DefinitionBlock ("dsdt.aml", "DSDT", 2, "BLKHD", "GUEST", 1)
{
    Name (\_S5, Package () {5, 0, 0, 0})

    Scope (\_SB)
    {
        Device (C000)
        {
            Name (_HID, "ACPI0007")
            Name (_UID, 0)
        }

        /* Hardware-reduced: there is no legacy IRQ 4, it must be named. */
        Device (COM1)
        {
            Name (_HID, EisaId ("PNP0501"))
            Name (_UID, 1)
            Name (_CRS, ResourceTemplate ()
            {
                IO (Decode16, 0x3F8, 0x3F8, 1, 8)
                Interrupt (ResourceConsumer, Edge, ActiveHigh, Exclusive) {4}
            })
        }

        Device (PEVT)
        {
            Name (_HID, "QEMU0001")
            Name (_STA, 0x0B)
            Name (_CRS, ResourceTemplate ()
            {
                IO (Decode16, 0x505, 0x505, 1, 1)
            })
        }
    }
}
