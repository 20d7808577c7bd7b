//! The system calls of a command, as strace tells them.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// All calls that change a folder or a file in it. A question mark lets strace pass over what an architecture does not have.
const CALLS: &str = "?open,openat,?creat,write,pwrite64,writev,pwritev,fsync,fdatasync,?rename,?renameat,renameat2,?link,\
                     linkat,?unlink,unlinkat,ftruncate,fallocate,?fchmod,close,?mkdir,mkdirat,?chmod,fchmodat,dup,dup3,?dup2";

/// A system call.
#[derive(Clone, Debug)]
pub struct Call {
    pub name: String,
    /// As strace writes them, with texts in hexadecimal digits.
    pub arguments: Vec<String>,
    /// What it returned, or -1.
    pub result: i64,
    /// Whether strace made it fail.
    pub is_injected: bool,
    /// Which of the calls of this name it is in its thread, from 1.
    pub number: usize,
}

impl Call {
    /// The path in an argument.
    pub fn path(&self, argument: usize) -> PathBuf {
        PathBuf::from(OsStr::from_bytes(&self.bytes(argument)))
    }

    /// The bytes in an argument.
    pub fn bytes(&self, argument: usize) -> Vec<u8> {
        let text = self.arguments[argument].strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        let digits = text.unwrap_or_else(|| panic!("argument {argument} of {self:?} is no text"));
        digits.split(r"\x").skip(1).map(|digits| u8::from_str_radix(digits, 16).unwrap()).collect()
    }

    /// The number in an argument.
    pub fn number(&self, argument: usize) -> i64 {
        self.arguments[argument].parse().unwrap_or_else(|_| panic!("argument {argument} of {self:?} is no number"))
    }
}

/// Runs the command under strace, with a fault to be injected if there is one. What came of it, and the calls of the thread
/// that changed files in `folder`.
pub fn trace(command: &Command, folder: &Path, inject: Option<&str>) -> (Output, Vec<Call>) {
    let traces = tempfile::tempdir().unwrap();
    let mut strace = Command::new("strace");
    // A file for each thread, so that no call is cut in two by another thread's.
    strace.args(["-ff", "-qq", "-xx", "-s", "100000000", "-e", &format!("trace={CALLS}")]);
    strace.args(inject.map(|fault| ["-e".to_owned(), format!("inject={fault}")]).iter().flatten());
    strace.arg("-o").arg(traces.path().join("trace")).arg(command.get_program()).args(command.get_args());
    strace.current_dir(command.get_current_dir().expect("a folder to run in"));
    let output = strace.output().unwrap();
    let touches = |call: &Call| call.name.starts_with("open") && call.path(1).starts_with(folder);
    let threads =
        fs::read_dir(traces.path()).unwrap().map(|trace| calls(&fs::read_to_string(trace.unwrap().path()).unwrap()));
    let mut writing: Vec<Vec<Call>> = threads.filter(|calls| calls.iter().any(touches)).collect();
    assert_eq!(writing.len(), 1, "one thread writes: {}", String::from_utf8_lossy(&output.stderr));
    (output, writing.remove(0))
}

/// Whether there is a strace that works.
pub fn can_trace() -> bool {
    super::can("the system calls of a save", "strace", &["-qq", "-e", "trace=none", "true"])
}

fn calls(trace: &str) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    for line in trace.lines() {
        // The last lines of a thread are about signals and its end.
        let Some((name, rest)) = line.split_once('(').filter(|(name, _)| name.chars().all(|c| c.is_alphanumeric()))
        else {
            continue;
        };
        let (arguments, result) = rest.rsplit_once(" = ").unwrap_or_else(|| panic!("no result: {line}"));
        let arguments = arguments.trim_end().strip_suffix(')').unwrap_or_else(|| panic!("no arguments: {line}"));
        calls.push(Call {
            name: name.to_owned(),
            arguments: arguments.split(", ").map(str::to_owned).collect(),
            result: result.split(' ').next().and_then(|result| result.parse().ok()).unwrap_or(-1),
            is_injected: result.contains("(INJECTED)"),
            number: 1 + calls.iter().filter(|call| call.name == name).count(),
        });
    }
    calls
}
