/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A UEFI program between firmware and the loader \LOADER\BOOTX64.EFI, for
 * tests: firmware as it may be, but OVMF is not. The memory map changes under
 * each of the loader's first attempts to end boot services, which firmware
 * itself then refuses; and the processor is in VMX operation, if it can be.
 */
#include <efi.h>
#include <efilib.h>

#define ATTEMPTS        3

#define CPUID_VMX       (1u << 5)
#define CR0_NE          (1ul << 5)
#define CR4_VMXE        (1ul << 13)
#define FEATURE_CONTROL 0x3a
#define VMX_BASIC       0x480

static EFI_EXIT_BOOT_SERVICES end_services; /* firmware's own */
static unsigned refused;

static EFI_STATUS EFIAPI end_late(EFI_HANDLE self, UINTN key)
{
    EFI_PHYSICAL_ADDRESS page;
    EFI_STATUS status;

    if (refused == ATTEMPTS) {
        return end_services(self, key);
    }
    refused++;
    BS->AllocatePages(AllocateAnyPages, EfiLoaderData, 1, &page);
    status = end_services(self, key);
    Print(L"unruly: attempt %d: %r\r\n", refused, status);
    return status;
}

static void take_services(void)
{
    end_services = BS->ExitBootServices;
    BS->ExitBootServices = end_late;
    BS->Hdr.CRC32 = 0;
    BS->CalculateCrc32(&BS->Hdr, BS->Hdr.HeaderSize, &BS->Hdr.CRC32);
}

static UINT64 read_msr(UINT32 msr)
{
    UINT32 low, high;

    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (UINT64)high << 32 | low;
}

static void switch_vmx_on(void)
{
    UINT32 eax = 1, ebx, ecx = 0, edx;
    EFI_PHYSICAL_ADDRESS region;
    UINT64 cr;
    UINT8 failed;

    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    if (!(ecx & CPUID_VMX) ||
        BS->AllocatePages(AllocateAnyPages, EfiRuntimeServicesData, 1,
                          &region)) {
        return;
    }
    if (!(read_msr(FEATURE_CONTROL) & 1)) {
        __asm__ volatile("wrmsr" ::"a"(5), "d"(0), "c"(FEATURE_CONTROL));
    }
    *(volatile UINT32 *)region = (UINT32)read_msr(VMX_BASIC);
    __asm__ volatile("mov %%cr0, %0" : "=r"(cr));
    __asm__ volatile("mov %0, %%cr0" ::"r"(cr | CR0_NE));
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr));
    __asm__ volatile("mov %0, %%cr4" ::"r"(cr | CR4_VMXE));
    __asm__ volatile("vmxon %1" : "=@ccbe"(failed) : "m"(region) : "memory");
    Print(L"unruly: VMXON %a\r\n", failed ? "failed" : "done");
}

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system);

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system)
{
    static CHAR16 path[] = L"\\LOADER\\BOOTX64.EFI";
    EFI_LOADED_IMAGE *image;
    EFI_HANDLE loader;
    EFI_STATUS status;

    InitializeLib(self, system);
    status = BS->HandleProtocol(self, &LoadedImageProtocol, (void **)&image);
    if (status == EFI_SUCCESS) {
        status = BS->LoadImage(FALSE, self,
                               FileDevicePath(image->DeviceHandle, path), NULL,
                               0, &loader);
    }
    if (status != EFI_SUCCESS) {
        Print(L"unruly: no loader: %r\r\n", status);
        return status;
    }
    take_services();
    switch_vmx_on();
    return BS->StartImage(loader, NULL, NULL);
}
