//! Whether memory will do, asked before it is taken: many systems promise more than they have, and end the program later,
//! without a word.

use std::fs;
use std::path::Path;

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
/// the machine, swap included, and no more than what its control group, and each group around that, has left. It is Linux
/// that says so.
pub fn available() -> Option<u64> {
    let meminfo = fs::read_to_string("/proc/meminfo").ok()?;
    let kibibytes = |name: &str| -> Option<u64> {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix(" kB")?.trim().parse().ok()
    };
    let free = (kibibytes("MemAvailable:")? + kibibytes("SwapFree:").unwrap_or(0)) << 10;
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let left = GroupFiles::ALL.into_iter().filter_map(|files| files.left(Path::new("/sys/fs/cgroup"), &groups));
    Some(left.fold(free, u64::min))
}

/// Where a version of Linux's control groups keeps what this module asks for.
struct GroupFiles {
    /// The folder of all groups, below that of the control groups.
    folder: &'static str,
    /// What precedes the path of a process's group in a line of `/proc/self/cgroup`, after the number.
    controller: &'static str,
    limit: &'static str,
    used: &'static str,
    /// The line of `memory.stat` with what is used, but could be freed at once.
    inactive: &'static str,
}

impl GroupFiles {
    const ALL: [GroupFiles; 2] = [
        GroupFiles {
            folder: "",
            controller: ":",
            limit: "memory.max",
            used: "memory.current",
            inactive: "inactive_file",
        },
        GroupFiles {
            folder: "memory",
            controller: "memory:",
            limit: "memory.limit_in_bytes",
            used: "memory.usage_in_bytes",
            inactive: "total_inactive_file",
        },
    ];

    /// The least that a group with a limit has left, among that of the process and those around it. `groups` is what
    /// `/proc/self/cgroup` says; a path that is not there is that outside of a container, whose own group is the root.
    fn left(&self, control_groups: &Path, groups: &str) -> Option<u64> {
        let root = control_groups.join(self.folder);
        let of_process = |line: &str| Some(line.split_once(':')?.1.strip_prefix(self.controller)?.to_owned());
        let path = groups.lines().find_map(of_process).unwrap_or_default();
        let group = root.join(path.trim_start_matches('/'));
        let around = group.ancestors().take_while(|folder| folder.starts_with(&root));
        around.filter_map(|folder| self.left_in(folder)).min()
    }

    fn left_in(&self, group: &Path) -> Option<u64> {
        let number = |file: &str| -> Option<u64> { fs::read_to_string(group.join(file)).ok()?.trim().parse().ok() };
        let (limit, used) = (number(self.limit)?, number(self.used).unwrap_or(0));
        let stat = fs::read_to_string(group.join("memory.stat")).unwrap_or_default();
        let inactive = stat.lines().find_map(|line| line.strip_prefix(self.inactive)?.trim().parse().ok());
        Some(limit.saturating_sub(used.saturating_sub(inactive.unwrap_or(0))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_that_a_group_has_left_counts() {
        let folder = tempfile::tempdir().unwrap();
        let group = |path: &str, files: &[(&str, &str)]| {
            let group = folder.path().join(path);
            fs::create_dir_all(&group).unwrap();
            files.iter().for_each(|(name, text)| fs::write(group.join(name), text).unwrap());
        };
        let left = |groups: &str| GroupFiles::ALL.map(|files| files.left(folder.path(), groups));
        assert_eq!(left("0::/a/b\n"), [None, None]);
        group(
            "a",
            &[("memory.max", "1000\n"), ("memory.current", "300\n"), ("memory.stat", "anon 1\ninactive_file 100\n")],
        );
        group("a/b", &[("memory.max", "max\n"), ("memory.current", "200\n")]);
        group("other", &[("memory.max", "1\n")]);
        assert_eq!(left("0::/a/b\n"), [Some(800), None]);
        group("a/b", &[("memory.max", "500\n")]);
        assert_eq!(left("1:cpu:/\n0::/a/b\n"), [Some(300), None]);
        // Used beyond its limit, as it may be for a moment.
        group("a/b", &[("memory.current", "900\n")]);
        assert_eq!(left("0::/a/b\n"), [Some(0), None]);

        let old = [("memory.limit_in_bytes", "700\n"), ("memory.usage_in_bytes", "500\n")];
        group("memory/c", &old);
        group("memory/c", &[("memory.stat", "inactive_file 1\ntotal_inactive_file 50\n")]);
        assert_eq!(left("0::/\n4:memory:/c\n3:cpu:/\n"), [None, Some(250)]);
        // As a container sees it: the path is that outside.
        group("memory", &[("memory.limit_in_bytes", "600\n")]);
        assert_eq!(left("4:memory:/docker/1234\n"), [None, Some(600)]);
    }

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
