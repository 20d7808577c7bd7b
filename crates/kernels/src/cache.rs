//! How much a core's second-level cache holds: where loops are cut, which changes no bit.

/// Numbers of an operand that stay in a second-level cache of 1 MiB while a panel of weights and results go through it, and
/// most of them in one of 512 KiB.
pub(crate) const LEAST_RESIDENT: usize = 96 * 1024;

/// Numbers of an operand that stay in the second-level cache of this machine while others go through it: [`LEAST_RESIDENT`]
/// or more.
pub(crate) fn resident_numbers() -> usize {
    resident_of(second_level_bytes())
}

/// The same of a cache of so many bytes: half of a large one.
fn resident_of(bytes: usize) -> usize {
    const LARGE: usize = 2 << 20;
    if bytes < LARGE { LEAST_RESIDENT } else { bytes / 2 / size_of::<f32>() }
}

/// The size of this machine's second-level cache, or 0 if that is not known.
pub(crate) fn second_level_bytes() -> usize {
    #[cfg(target_arch = "x86_64")]
    {
        // To ask takes a virtual machine's processor tens of microseconds.
        static BYTES: std::sync::OnceLock<usize> = std::sync::OnceLock::new();
        *BYTES.get_or_init(|| bytes_that_the_processor_tells().unwrap_or(0))
    }
    #[cfg(not(target_arch = "x86_64"))]
    0
}

/// What the processor says about its second-level cache.
#[cfg(target_arch = "x86_64")]
fn bytes_that_the_processor_tells() -> Option<usize> {
    let caches = raw_cpuid::CpuId::new().get_cache_parameters()?;
    let second_level = caches.into_iter().find(|cache| cache.level() == 2)?;
    let lines = second_level.associativity() * second_level.physical_line_partitions() * second_level.sets();
    Some(lines * second_level.coherency_line_size())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_a_large_cache_and_no_less_than_on_a_small_one() {
        assert_eq!([0, 256 << 10, 512 << 10, 1 << 20].map(resident_of), [LEAST_RESIDENT; 4]);
        assert_eq!(resident_of(2 << 20), 256 * 1024);
        assert_eq!(resident_of(3 << 20), 384 * 1024);
    }

    #[test]
    fn a_machine_has_a_second_level_cache_of_a_plausible_size() {
        let bytes = second_level_bytes();
        assert!(bytes == 0 || (64 << 10..=64 << 20).contains(&bytes), "{bytes} bytes");
    }
}
