//! Whether memory will do, asked before it is taken: many systems promise more than they have, and end the program later,
//! without a word.

use crate::Error;

/// Less than this is taken without asking, which takes longer than small networks do.
const UNASKED_BYTES: usize = 256 << 20;

/// Makes sure that `what`, which takes so many bytes, may be possible. `None` stands for more bytes than can be counted.
///
/// # Errors
/// If less than that is free.
pub fn check(what: &'static str, bytes: Option<usize>) -> Result<(), Error> {
    match bytes {
        Some(bytes) if bytes <= UNASKED_BYTES => Ok(()),
        _ => check_against(what, bytes, available()),
    }
}

fn check_against(what: &'static str, bytes: Option<usize>, available: Option<u64>) -> Result<(), Error> {
    match (bytes, available) {
        (Some(bytes), None) if isize::try_from(bytes).is_ok() => Ok(()),
        (Some(bytes), Some(available)) if bytes as u64 <= available => Ok(()),
        _ => {
            let wanted = bytes.map_or_else(|| "more than 2^64".to_owned(), |bytes| bytes.to_string());
            let available = available.map_or_else(|| "fewer".to_owned(), |available| available.to_string());
            Err(Error::Memory { what, wanted, available })
        }
    }
}

/// The bytes of memory that this process can still hope for, if the system says so: those that are free or can be freed on
/// the machine, swap included, and no more than its control group is granted. It is Linux that says so.
pub fn available() -> Option<u64> {
    let meminfo = std::fs::read_to_string("/proc/meminfo").ok()?;
    let kibibytes = |name: &str| -> Option<u64> {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix(" kB")?.trim().parse().ok()
    };
    let free = (kibibytes("MemAvailable:")? + kibibytes("SwapFree:").unwrap_or(0)) << 10;
    let granted = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
        .into_iter()
        .filter_map(|file| std::fs::read_to_string(file).ok()?.trim().parse().ok());
    Some(granted.fold(free, u64::min))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_is_refused_in_bytes() {
        for (bytes, available, words) in [
            (Some(1000), Some(999), "take 1000 bytes of memory, but 999 are free"),
            (None, Some(5), "take more than 2^64 bytes of memory, but 5 are free"),
            (Some(usize::MAX), None, "but fewer are free"),
        ] {
            let error = check_against("a test", bytes, available).expect_err(words).to_string();
            assert!(error.contains(words) && !error.contains('\n'), "{error}");
        }
        assert!(check_against("a test", Some(1000), Some(1000)).is_ok());
        assert!(check_against("a test", Some(1000), None).is_ok());
        assert!(check("a test", Some(UNASKED_BYTES)).is_ok());
        if cfg!(target_os = "linux") {
            assert!((1 << 20..1 << 50).contains(&available().expect("it is Linux")));
            assert!(check("a test", Some(1 << 50)).is_err());
        }
    }
}
