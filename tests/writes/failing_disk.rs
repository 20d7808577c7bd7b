//! A disk that is full, read-only or broken: the old file stays, the command says so in one line and ends with exit code 2,
//! and no temporary file is left.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::trace::{Call, can_trace, trace};
use crate::{Desk, SAVES, can, names};

/// The exit code is 2, and the standard error is one line (behind those of the progress) that has these words.
fn assert_refused(output: &Output, words: &[&str]) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{text}");
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("epoch")).collect();
    assert!(lines.len() == 1 && lines[0].starts_with("error: "), "{text}");
    words.iter().for_each(|word| assert!(text.contains(word), "'{text}' does not say '{word}'"));
}

/// Every call of a save fails, one in each run.
#[test]
fn every_call_of_a_save_can_fail() {
    if !can_trace() {
        return;
    }
    let desk = Desk::new();
    desk.prepare();
    let mut faults = 0;
    let scratch = desk.path("scratch");
    for save in &SAVES {
        let folder = desk.path("out").canonicalize().unwrap();
        let path = folder.join(save.file);
        let old = save.old(&desk);
        let run = |fault: Option<&str>| {
            fs::write(&path, &old).unwrap();
            trace(&desk.command(save), &folder, fault)
        };
        let before = names(&folder);
        let (output, calls) = run(None);
        assert!(output.status.success());
        let new = fs::read(&path).unwrap();
        // From the temporary file on.
        let is_temporary = |name: &Path| name.to_string_lossy().contains(".backprop-");
        let first = calls.iter().position(|call| call.name == "openat" && is_temporary(&call.path(1))).unwrap();
        let failing = |name: &str| -> &[&str] {
            match name {
                "openat" => &["ENOSPC", "EDQUOT", "EROFS", "EACCES", "EMFILE"],
                "write" => &["ENOSPC", "EDQUOT", "EIO", "EFBIG"],
                "fsync" => &["ENOSPC", "EDQUOT", "EIO"],
                "renameat" | "fchmod" => &["ENOSPC", "EDQUOT", "EIO", "EROFS", "EACCES"],
                _ => &[],
            }
        };
        let begins = |call: &&Call| call.name == "openat" && is_temporary(&call.path(1));
        // The training whose checkpoint this is goes on to write its model elsewhere.
        let own = calls[first..].iter().take_while(|call| !begins(call) || call.path(1).starts_with(&folder));
        // Whether the file has been replaced, and whether that was done by the write that fails.
        let (mut is_replaced, mut is_in_place) = (false, false);
        for call in own {
            is_in_place &= !begins(&call);
            let is_of_save = match &*call.name {
                "openat" => call.path(1).starts_with(&folder),
                "write" | "fsync" => call.number(0) > 2,
                _ => true,
            };
            for error in failing(&call.name).iter().filter(|_| is_of_save) {
                let (name, number) = (&call.name, call.number);
                let (output, calls) = run(Some(&format!("{name}:error={error}:when={number}")));
                let case = format!("{}, {name} {number}: {error}", save.file);
                assert!(calls.iter().any(|call| call.is_injected), "{case}: nothing failed");
                let path_said = format!("{}`", save.file);
                let words = ["cannot write", &path_said, "(os error ", if is_in_place { "in place" } else { "" }];
                assert_refused(&output, &words);
                let found = fs::read(&path).unwrap();
                let is_new = found == new || save.can_be_read(&found, &scratch);
                assert!(if is_replaced { is_new } else { found == old }, "{case}: the file");
                assert_eq!(names(&folder), before, "{case}: the folder");
                faults += 1;
            }
            is_in_place |= call.name == "renameat";
            is_replaced |= is_in_place;
        }
    }
    println!("{faults} faults: the old file stayed, exit code 2, one line, no temporary file");
    assert!(faults >= 50);
}

/// Runs a script of the shell in a folder `disk` of its own, which is a disk in memory of so many bytes.
fn on_a_small_disk(desk: &Desk, bytes: &str, script: &str, command: &Command) -> Output {
    let mount = format!("set -e; mount -t tmpfs -o size={bytes} disk disk; {script}");
    let mut shell = Command::new("unshare");
    shell.args(["-rm", "sh", "-c", &mount, "sh"]).arg(command.get_program()).args(command.get_args());
    shell.current_dir(desk.0.path()).output().unwrap()
}

#[test]
fn a_full_disk_keeps_the_old_file() {
    let what = "a full disk";
    if !can(what, "unshare", &["-rm", "sh", "-c", "mount -t tmpfs -o size=64k disk /mnt"]) {
        return;
    }
    let desk = Desk::new();
    desk.prepare();
    desk.folder("disk");
    fs::remove_dir_all(desk.path("out")).unwrap();
    std::os::unix::fs::symlink("disk", desk.path("out")).unwrap();
    for save in &SAVES {
        let old = save.old(&desk);
        fs::write(desk.path("old"), &old).unwrap();
        // The other file takes all that is left.
        let full = format!(
            "cp old disk/{file}; head -c 64k /dev/zero > disk/other 2> /dev/null || true; code=0; \"$@\" || code=$?; \
             cp disk/{file} after; ls -A disk > listing; exit $code",
            file = save.file
        );
        let command = desk.command(save);
        let output = on_a_small_disk(&desk, "64k", &full, &command);
        assert_refused(&output, &["cannot write", save.file, "No space left"]);
        assert!(fs::read(desk.path("after")).unwrap() == old);
        let listing = fs::read_to_string(desk.path("listing")).unwrap();
        assert!(listing.lines().all(|name| name == save.file || name == "other"), "{listing}");

        let read_only = full.replace("code=0;", "mount -o remount,ro disk; code=0;");
        let output = on_a_small_disk(&desk, "64k", &read_only, &command);
        assert_refused(&output, &["cannot write", save.file, "Read-only file system"]);
        assert!(fs::read(desk.path("after")).unwrap() == old);
    }
}

#[test]
fn what_is_in_the_way_stays() {
    let desk = Desk::new();
    desk.prepare();
    for save in &SAVES {
        let path = desk.path("out").join(save.file);
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_refused(&desk.command(save).output().unwrap(), &["cannot write", save.file, "a folder is in the way"]);
        assert!(path.is_dir());
        fs::remove_dir(&path).unwrap();

        let old = save.old(&desk);
        fs::write(&path, &old).unwrap();
        let mut permissions = fs::metadata(&path).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&path, permissions).unwrap();
        assert_refused(&desk.command(save).output().unwrap(), &["cannot write", save.file, "read-only"]);
        assert!(fs::read(&path).unwrap() == old);
    }
    assert_eq!(names(&desk.path("out")), ["c", "e.html", "f.csv", "g.onnx", "m", "p.csv", "r.html", "w.safetensors"]);
}
