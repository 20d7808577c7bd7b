//! What the machine is.

use std::fs;

use kernels::Level;
use serde::{Deserialize, Serialize};

/// The machine that was measured, and the part of it that was there to be used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// What the processor calls itself.
    pub processor: String,
    /// Threads that the process may run at once: affinity and cgroup limits count.
    pub threads_granted: usize,
    /// The SIMD levels that there are, from the narrowest on.
    pub levels: Vec<String>,
    /// The operating system and the instruction set, such as `linux x86_64`.
    pub platform: String,
    /// The caches of data, from the first level on, as one core sees them; nothing where the system does not tell.
    pub caches: Vec<Cache>,
}

/// A level of cache.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cache {
    /// Its name, such as `L1`.
    pub name: String,
    /// Its size; cores may share it.
    pub bytes: usize,
}

impl Machine {
    /// This machine, of which the process is granted so many threads.
    pub fn detect(threads_granted: usize) -> Self {
        Machine {
            processor: processor(),
            threads_granted,
            levels: Level::available().iter().map(ToString::to_string).collect(),
            platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            caches: caches(),
        }
    }
}

/// What the processor calls itself, where the system tells.
fn processor() -> String {
    let description = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let value = |key: &str| {
        let line = description.lines().find(|line| line.starts_with(key))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let name = value("model name").unwrap_or_else(|| "unknown processor".to_owned());
    match (value("cpu family"), value("model\t")) {
        // Virtual machines hide the name, and leave these.
        (Some(family), Some(model)) => format!("{name} (family {family}, model {model})"),
        _ => name,
    }
}

/// The caches of the first core that hold data, as Linux lists them.
fn caches() -> Vec<Cache> {
    let value = |index: usize, name: &str| {
        let text = fs::read_to_string(format!("/sys/devices/system/cpu/cpu0/cache/index{index}/{name}")).ok()?;
        Some(text.trim().to_owned())
    };
    let cache = |index| {
        let bytes = value(index, "size").and_then(|size| parse_size(&size))?;
        Some(Cache { name: format!("L{}", value(index, "level")?), bytes })
    };
    let indices = (0..).take_while(|index| value(*index, "type").is_some());
    indices.filter(|index| value(*index, "type").is_some_and(|kind| kind != "Instruction")).filter_map(cache).collect()
}

/// Bytes of a size such as `48K` or `1M`.
fn parse_size(text: &str) -> Option<usize> {
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let unit = match unit {
        "" => 1,
        "K" => 1 << 10,
        "M" => 1 << 20,
        _ => return None,
    };
    digits.parse::<usize>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_caches_are_read() {
        assert_eq!(parse_size("48K"), Some(48 * 1024));
        assert_eq!(parse_size("2M"), Some(2 << 20));
        assert_eq!(parse_size("512"), Some(512));
        assert_eq!((parse_size("K"), parse_size("3 apples"), parse_size("")), (None, None, None));
    }

    #[test]
    fn this_machine_has_levels() {
        let machine = Machine::detect(2);
        assert_eq!((machine.levels[0].as_str(), machine.threads_granted), ("scalar", 2));
    }
}
