//! Trials in a process of their own: a model is a stranger's program.
//!
//! A file of a hundred bytes can ask for all memory, which ends the process that runs it, or never finish. A model that
//! is not known yet is therefore run by another process, which gives up most of what it may use before it opens
//! anything, and which is ended when it takes too long. What it answers is not believed further than needed: of the entry
//! only the fields that a trial fills in are taken over. The entry holds the digests of all files, the child opens
//! nothing else, and whoever opens the model later compares them first.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::entry::ModelEntry;
use super::limits;
use crate::error::Error;
use crate::runtime::SessionOptions;

/// Longest request and answer, bytes; real ones have a few thousand.
const LONGEST: u64 = 4 << 20;
/// What is kept of what the process wrote for people.
const LONGEST_REMARK: u64 = 64 << 10;
/// How often it is looked whether the process has ended.
const PAUSE: Duration = Duration::from_millis(10);
/// Threads of the process: enough for one run, and few stacks to reserve.
const THREADS: usize = 2;

/// What one trial may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrialLimits {
    /// Bytes of memory. Kept on Unix, except macOS, whose kernel does not.
    pub memory: u64,
    /// From the start of the process to its answer.
    pub time: Duration,
}

impl TrialLimits {
    /// What an honest model of this size needs, with room to spare: 4 GiB and ten times its files; two minutes, and a
    /// second for every 4 MiB.
    pub fn for_bytes(bytes: u64) -> TrialLimits {
        TrialLimits {
            memory: (4_u64 << 30).saturating_add(bytes.saturating_mul(10)),
            time: Duration::from_secs(120 + bytes / (4 << 20)),
        }
    }

    /// As [`TrialLimits::for_bytes`], for the files of an entry.
    pub fn for_entry(entry: &ModelEntry) -> TrialLimits {
        TrialLimits::for_bytes(entry.bytes())
    }
}

/// A program that tries models in a process of its own: it calls [`answer_trial`] and nothing else.
#[derive(Clone, Debug)]
pub struct TrialProcess {
    program: PathBuf,
    arguments: Vec<OsString>,
}

/// What the process is asked.
#[derive(Serialize, Deserialize)]
struct Question {
    entry: ModelEntry,
    options: SessionOptions,
    memory: u64,
    seconds: u64,
}

/// What it says.
#[derive(Serialize, Deserialize)]
enum Answer {
    Tried(Box<ModelEntry>),
    Refused(String),
}

impl TrialProcess {
    /// The program that is started, with its arguments.
    pub fn new<A: Into<OsString>>(
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = A>,
    ) -> TrialProcess {
        TrialProcess {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
        }
    }

    /// As [`ModelEntry::tried`], in that process and within limits.
    ///
    /// # Errors
    /// [`Error::Refused`] with whatever keeps the model from being used, [`Error::Trial`] when the process ended before
    /// it answered or was ended; [`Error::Io`] when it could not be started.
    pub fn tried(
        &self,
        entry: &ModelEntry,
        options: &SessionOptions,
        limits: &TrialLimits,
    ) -> Result<ModelEntry, Error> {
        let question = Question {
            entry: entry.clone(),
            options: SessionOptions {
                threads: THREADS,
                ..*options
            },
            memory: limits.memory,
            seconds: limits.time.as_secs().max(1),
        };
        let question = serde_json::to_vec(&question).map_err(std::io::Error::from)?;
        let ended = self.run(&question, limits.time)?;
        let failed = |what: String, limit| Error::Trial {
            what,
            advice: match limit {
                true => "allow it more if you trust it",
                false => "get it from another source",
            },
            limit,
            path: entry.path().unwrap_or_else(|_| PathBuf::from(&entry.id)),
        };
        let answer = match &ended.status {
            None => {
                let what = format!("it was not done after {} s", limits.time.as_secs());
                return Err(failed(what, true));
            }
            Some(_) => serde_json::from_slice(&ended.answer),
        };
        match answer {
            Ok(Answer::Tried(tried)) => filled_in(entry, *tried),
            Ok(Answer::Refused(what)) => Err(Error::Refused(what)),
            Err(_) => {
                let (what, limit) = ended.cause(limits);
                Err(failed(what, limit))
            }
        }
    }

    fn run(&self, question: &[u8], time: Duration) -> Result<Ended, Error> {
        let start = Instant::now();
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            // Every thread reserves memory of its own, as does every arena of the allocator.
            .env("RAYON_NUM_THREADS", THREADS.to_string())
            .env("MALLOC_ARENA_MAX", THREADS.to_string())
            // Drivers of graphics processors reserve more than any limit.
            .env_remove("VIZSLA_PROVIDER")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let answer = gather(child.stdout.take(), LONGEST);
        let remarks = gather(child.stderr.take(), LONGEST_REMARK);
        let asked = child.stdin.take().map(|mut pipe| {
            let question = question.to_vec();
            // A process that ended already is told by its status.
            thread::spawn(move || drop(pipe.write_all(&question)))
        });
        let status = wait(&mut child, start + time)?;
        if let Some(asked) = asked {
            let _ = asked.join();
        }
        Ok(Ended {
            status,
            answer: answer.join().unwrap_or_default(),
            remarks: String::from_utf8_lossy(&remarks.join().unwrap_or_default()).into_owned(),
        })
    }
}

/// How a process ended; no status when it was ended for its time.
struct Ended {
    status: Option<ExitStatus>,
    answer: Vec<u8>,
    remarks: String,
}

impl Ended {
    /// Why there is no answer, and whether a limit was the reason.
    fn cause(&self, limits: &TrialLimits) -> (String, bool) {
        let has = |part: &str| self.remarks.contains(part);
        // What Rust's and C++'s runtimes say when memory is refused.
        let allocation = ["memory allocation of", "capacity overflow", "bad_alloc"];
        if allocation.into_iter().any(has) {
            let gib = limits.memory as f64 / f64::from(1 << 30);
            let what =
                format!("it asked for more than the {gib:.1} GiB of memory that a trial may use");
            return (what, true);
        }
        if has("overflowed its stack") {
            let what = "it nests so deep that the process that tried it ended";
            return (what.into(), false);
        }
        let how = self
            .status
            .map_or(String::new(), |status| status.to_string());
        let what = format!("the process that tried it ended without an answer, {how}");
        (what, false)
    }
}

/// Only what a trial finds out is taken from the answer.
fn filled_in(entry: &ModelEntry, tried: ModelEntry) -> Result<ModelEntry, Error> {
    tried.preprocessing.check()?;
    Ok(ModelEntry {
        input: tried.input,
        layout: tried.layout,
        output: tried.output,
        dimension: tried.dimension,
        preprocessing: tried.preprocessing,
        ..entry.clone()
    })
}

/// Waits for the end, and brings it about at the deadline.
fn wait(child: &mut Child, deadline: Instant) -> Result<Option<ExitStatus>, Error> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(PAUSE);
    }
}

/// Reads a pipe to its end on a thread of its own, and keeps the beginning.
fn gather(pipe: Option<impl Read + Send + 'static>, most: u64) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut kept = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.by_ref().take(most).read_to_end(&mut kept);
            let _ = std::io::copy(&mut pipe, &mut std::io::sink());
        }
        kept
    })
}

/// The other side of [`TrialProcess`]: reads what is asked from `input`, gives up what the trial may not use, tries the
/// model and writes the answer to `output`. For a process that does nothing else: the limits stay.
///
/// # Errors
/// When the question cannot be read, the limits cannot be set or the answer cannot be written.
pub fn answer_trial(input: impl Read, mut output: impl Write) -> Result<(), Error> {
    let question: Question =
        serde_json::from_reader(input.take(LONGEST)).map_err(std::io::Error::from)?;
    let processor = question.seconds.saturating_mul(THREADS as u64);
    limits::set(question.memory, processor)?;
    let answer = match question.entry.tried(&question.options) {
        Ok(tried) => Answer::Tried(Box::new(tried)),
        Err(error) => Answer::Refused(error.to_string()),
    };
    let answer = serde_json::to_vec(&answer).map_err(std::io::Error::from)?;
    output.write_all(&answer)?;
    Ok(output.flush()?)
}

impl ModelEntry {
    /// Bytes of the entry's files that are here, external weights included; 0 for those that cannot be found.
    fn bytes(&self) -> u64 {
        let length = |path: &Path| fs_err::metadata(path).map_or(0, |file| file.len());
        let Ok(path) = self.path() else {
            return 0;
        };
        let text = self.text.as_ref();
        let beside = text.map_or([None, None], |text| {
            [text.tokenizer.as_ref(), text.head.as_ref()]
        });
        let beside = beside
            .into_iter()
            .flatten()
            .filter_map(|path| self.beside(path).ok());
        let weights = self.external_files().unwrap_or_default();
        let all = std::iter::once(path).chain(beside).chain(weights);
        all.map(|path| length(&path)).sum()
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::models::ModelKind;

    fn tried_by(script: &str, milliseconds: u64) -> Result<ModelEntry, Error> {
        let process = TrialProcess::new("/bin/sh", ["-c", script]);
        let entry = ModelEntry::for_file("m", ModelKind::Image, Path::new("/m.onnx"), "");
        let limits = TrialLimits {
            memory: 1 << 30,
            time: Duration::from_millis(milliseconds),
        };
        process.tried(&entry, &SessionOptions::default(), &limits)
    }

    fn refusal(script: &str, milliseconds: u64) -> String {
        tried_by(script, milliseconds).unwrap_err().to_string()
    }

    #[test]
    fn however_the_process_ends_it_is_said() {
        for (script, part) in [
            ("exit 3", "without an answer, exit status: 3"),
            ("kill -ABRT $$", "without an answer, signal: 6"),
            (
                "echo memory allocation of 9 bytes failed >&2; exit 1",
                "more than the 1.0 GiB",
            ),
            ("echo has overflowed its stack >&2; exit 1", "nests so deep"),
            ("echo '{\"Refused\":\"it is no model\"}'", "it is no model"),
            ("head -c 9000000 /dev/zero", "without an answer"),
        ] {
            let message = refusal(script, 60_000);
            assert!(message.contains(part), "{message}");
        }
        let message = refusal("exec sleep 600", 300);
        assert!(message.contains("not done after"), "{message}");
    }

    #[test]
    fn only_what_a_trial_finds_is_taken_from_its_answer() {
        let mut other =
            ModelEntry::for_file("other", ModelKind::Text, Path::new("/etc/passwd"), "f");
        other.dimension = Some(7);
        other.licence = Some("stolen".into());
        let answer = serde_json::to_string(&Answer::Tried(Box::new(other))).unwrap();
        let tried = tried_by(&format!("cat > /dev/null; echo '{answer}'"), 60_000).unwrap();
        assert_eq!(tried.id, "m");
        assert_eq!(tried.dimension, Some(7));
        assert_eq!(
            (tried.kind, tried.licence, tried.sha256.as_str()),
            (ModelKind::Image, None, "")
        );
    }
}
