//! The system calls of one save are replayed one after the other. After each of them the process may be killed, and the
//! power may fail: then any of the names and contents that were not synced can be lost. The file is the old one or the new
//! one all the while, and can be read.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

use crate::trace::{Call, can_trace, trace};
use crate::{Desk, SAVES};

#[test]
fn after_every_call_of_a_save_the_file_is_the_old_or_the_new_one() {
    if !can_trace() {
        return;
    }
    let desk = Desk::new();
    desk.prepare();
    let scratch = desk.folder("scratch").join("file");
    for save in &SAVES {
        let out = desk.path("out").canonicalize().unwrap();
        let path = out.join(save.file);
        let old = save.old(&desk);
        fs::write(&path, &old).unwrap();
        let (output, calls) = trace(&desk.command(save), &out, None);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let new = fs::read(&path).unwrap();
        assert!(new != old);

        let check = |content: &[u8]| {
            assert!(save.file != "m" || content != new || save.can_be_read(content, &scratch));
            content == old || content == new || save.can_be_read(content, &scratch)
        };
        let states = |calls: &[Call]| {
            let mut folder = Folder::new(out.clone(), save.file, old.clone());
            let mut states = vec![folder.possible(save.file)];
            for call in calls {
                states.extend(folder.apply(call).then(|| folder.possible(save.file)));
            }
            assert!(folder.visible(save.file) == new, "the replay ends with the new file");
            states
        };
        let all = states(&calls);
        let torn = all.iter().flatten().filter(|content| !check(content)).count();
        let count: usize = all.iter().map(Vec::len).sum();
        println!(
            "{}: {} calls on the folder, {count} states after them, {torn} of them torn",
            save.file,
            all.len() - 1
        );
        assert_eq!(torn, 0);
        assert!(all.last().unwrap().iter().all(|content| *content == new), "what is said to be written is safe");

        // The replay would notice if the file was not synced, or its folder.
        let is_sync = |call: &&Call| call.name == "fsync";
        let writes = calls.iter().filter(|call| call.name == "renameat").count();
        assert_eq!(calls.iter().filter(is_sync).count(), 2 * writes, "the file and its folder");
        let unsynced: Vec<Call> = calls.iter().filter(|call| !is_sync(call)).cloned().collect();
        let unsynced = states(&unsynced);
        assert!(unsynced.iter().flatten().any(|content| !check(content)));
        assert!(unsynced.last().unwrap().contains(&old));
    }
}

/// The folder `out`, as programs see it and as the disk may have it.
struct Folder {
    path: PathBuf,
    files: Vec<File>,
    /// The file of each name; all that it was since the folder was synced, and last what it is.
    names: Vec<HashMap<String, usize>>,
    open: HashMap<i64, Open>,
}

/// All that a file was since it was synced, and last what it is.
struct File(Vec<Vec<u8>>);

#[derive(Clone, Copy)]
enum Open {
    File(usize),
    Folder,
}

impl Folder {
    /// With one file in it, which is safe.
    fn new(path: PathBuf, name: &str, content: Vec<u8>) -> Self {
        let names = vec![HashMap::from([(name.to_owned(), 0)])];
        Folder { path, files: vec![File(vec![content])], names, open: HashMap::new() }
    }

    fn visible(&self, name: &str) -> &[u8] {
        self.files[self.names.last().unwrap()[name]].0.last().unwrap()
    }

    /// All contents that the file of this name can have after a failure of the power, the visible one among them.
    fn possible(&self, name: &str) -> Vec<Vec<u8>> {
        self.names.iter().flat_map(|names| self.files[names[name]].0.clone()).collect()
    }

    /// Does what a call did. Whether it had to do with the folder.
    fn apply(&mut self, call: &Call) -> bool {
        let in_folder = |argument| {
            let path = call.path(argument);
            path.strip_prefix(&self.path).ok().map(|name| name.to_str().unwrap().to_owned())
        };
        let open = || call.arguments[0].parse().ok().and_then(|descriptor: i64| self.open.get(&descriptor)).copied();
        match (&*call.name, call.result) {
            (_, -1) => false,
            ("openat", descriptor) => {
                let Some(name) = in_folder(1) else { return false };
                let flags = &call.arguments[2];
                let opened = if name.is_empty() && flags.contains("O_TMPFILE") || !name.is_empty() {
                    assert!(!flags.contains("O_TRUNC") && (flags.contains("O_EXCL") || flags.contains("O_TMPFILE")));
                    self.files.push(File(vec![Vec::new()]));
                    Open::File(self.files.len() - 1)
                } else {
                    Open::Folder
                };
                self.open.insert(descriptor, opened);
                if let (Open::File(file), false) = (opened, name.is_empty()) {
                    self.rename(|names| names.insert(name, file));
                }
                true
            }
            ("write", count) => {
                let Some(Open::File(file)) = open() else { return false };
                let (written, File(versions)) = (call.bytes(1), &mut self.files[file]);
                let before = versions.last().unwrap().clone();
                // Half of it, zeros in its place, and all of it.
                for bytes in [&written[..count as usize / 2], &vec![0; count as usize], &written[..count as usize]] {
                    versions.push([&before, bytes].concat());
                }
                true
            }
            ("fsync", _) => {
                match open() {
                    Some(Open::File(file)) => keep_last(&mut self.files[file].0),
                    Some(Open::Folder) => keep_last(&mut self.names),
                    None => return false,
                }
                true
            }
            ("renameat", _) => {
                let (Some(from), Some(to)) = (in_folder(1), in_folder(3)) else { return false };
                self.rename(|names| {
                    let file = names.remove(&from).unwrap();
                    names.insert(to, file)
                });
                true
            }
            ("close", _) => {
                call.arguments[0].parse().is_ok_and(|descriptor: i64| self.open.remove(&descriptor).is_some())
            }
            ("fchmod", _) => open().is_some(),
            (name, _) => {
                let is_other = open().is_none() && !call.arguments.iter().any(|argument| argument.starts_with('"'));
                assert!(is_other, "the replay does not know the call {name}");
                false
            }
        }
    }

    fn rename(&mut self, change: impl FnOnce(&mut HashMap<String, usize>) -> Option<usize>) {
        let mut names = self.names.last().unwrap().clone();
        change(&mut names);
        self.names.push(names);
    }
}

fn keep_last<T>(versions: &mut Vec<T>) {
    versions.drain(..versions.len() - 1);
}
