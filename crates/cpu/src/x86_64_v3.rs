//! The check for x86-64-v3.

// It runs before any other code of the program, which takes assembly and a section of the linker.
#![allow(unsafe_code)]

use core::arch::naked_asm;

// What x86-64-v3 adds to what a processor of 2009 has, by the `cpuid` leaf that tells it.
const LEAF_1_ECX: u32 = FMA | MOVBE | OSXSAVE | AVX | F16C;
const LEAF_7_EBX: u32 = BMI1 | AVX2 | BMI2;
const LEAF_80000001_ECX: u32 = LZCNT;
/// What the operating system saves when it switches tasks: the registers of SSE and AVX.
const XCR0: u32 = 0b110;

const FMA: u32 = 1 << 12;
const MOVBE: u32 = 1 << 22;
const OSXSAVE: u32 = 1 << 27;
const AVX: u32 = 1 << 28;
const F16C: u32 = 1 << 29;
const BMI1: u32 = 1 << 3;
const AVX2: u32 = 1 << 5;
const BMI2: u32 = 1 << 8;
const LZCNT: u32 = 1 << 5;

static MESSAGE: [u8; TEXT.len()] = *TEXT;
const TEXT: &[u8; 160] = b"error: this program was built for x86-64 processors with AVX2 (x86-64-v3), which this one \
lacks; use another machine, or build waybill-device with `make agent`\n";

/// The C library calls this before `main` and before all other initialisers.
#[used]
#[link_section = ".init_array.00001"]
static CHECK: extern "C" fn() = check;

/// Returns if the processor has all of x86-64-v3. Otherwise writes the message to standard error
/// and exits with 1.
///
/// In assembly, because the compiler may use x86-64-v3 in any function.
#[unsafe(naked)]
extern "C" fn check() {
	naked_asm!(
		"push rbx",
		"xor eax, eax",
		"cpuid",
		"cmp eax, 7",
		"jb 2f",
		"mov eax, 1",
		"cpuid",
		"and ecx, {leaf_1_ecx}",
		"cmp ecx, {leaf_1_ecx}",
		"jne 2f",
		"xor ecx, ecx",
		"xgetbv",
		"and eax, {xcr0}",
		"cmp eax, {xcr0}",
		"jne 2f",
		"mov eax, 7",
		"xor ecx, ecx",
		"cpuid",
		"and ebx, {leaf_7_ebx}",
		"cmp ebx, {leaf_7_ebx}",
		"jne 2f",
		"mov eax, 0x80000001",
		"cpuid",
		"and ecx, {leaf_80000001_ecx}",
		"cmp ecx, {leaf_80000001_ecx}",
		"jne 2f",
		"pop rbx",
		"ret",
		// write(2, MESSAGE, length)
		"2: mov eax, 1",
		"mov edi, 2",
		"lea rsi, [rip + {message}]",
		"mov edx, {length}",
		"syscall",
		// exit_group(1)
		"mov eax, 231",
		"mov edi, 1",
		"syscall",
		"ud2",
		leaf_1_ecx = const LEAF_1_ECX,
		leaf_7_ebx = const LEAF_7_EBX,
		leaf_80000001_ecx = const LEAF_80000001_ECX,
		xcr0 = const XCR0,
		message = sym MESSAGE,
		length = const TEXT.len(),
	)
}
