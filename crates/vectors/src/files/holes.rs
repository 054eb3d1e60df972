//! Mapped files that lose bytes.
//!
//! Where a file ends before its mapping does, because another program cut it short, or where the disk cannot give a page,
//! the system answers a read with the signal SIGBUS, which ends the process and everything that it serves. Here is a
//! handler for this signal. It looks whether the place lies in a mapping of ours; if so it puts pages of zeros there,
//! notes it, and the read goes on. Any other place goes to whoever handled the signal before.
//!
//! A handler may run between any two instructions: it takes no lock and no memory. Mappings stand in a table of fixed
//! size, each entry written under a sequence number that is odd meanwhile. Where the table is full, and on systems whose
//! signals are not known here, files are read into memory instead. Windows refuses to cut a mapped file.
#![allow(unsafe_code)]

#[cfg(any(
    target_os = "linux",
    target_os = "android",
    target_vendor = "apple",
    target_os = "freebsd"
))]
pub(super) use self::signals::Watched;
#[cfg(not(any(
    target_os = "linux",
    target_os = "android",
    target_vendor = "apple",
    target_os = "freebsd"
)))]
pub(super) use self::unwatched::Watched;

#[cfg(not(any(
    target_os = "linux",
    target_os = "android",
    target_vendor = "apple",
    target_os = "freebsd"
)))]
mod unwatched {
    /// A mapping on a system where it cannot lose bytes.
    #[derive(Debug)]
    pub(in super::super) struct Watched;

    impl Watched {
        pub fn new(_: usize, _: usize) -> Option<Self> {
            cfg!(windows).then_some(Self)
        }

        pub fn has_holes(&self) -> bool {
            false
        }
    }
}

#[cfg(any(
    target_os = "linux",
    target_os = "android",
    target_vendor = "apple",
    target_os = "freebsd"
))]
mod signals {
    use std::ffi::{c_int, c_void};
    use std::mem::zeroed;
    use std::ptr;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};

    /// Mappings at a time: 32 bytes each.
    const MOST: usize = 4096;

    /// A mapping. Of an entry that is free start and end are 0.
    struct Entry {
        taken: AtomicBool,
        /// Odd while start and end are written.
        sequence: AtomicUsize,
        start: AtomicUsize,
        /// The end of its last page.
        end: AtomicUsize,
        holes: AtomicBool,
    }

    static TABLE: [Entry; MOST] = [const {
        Entry {
            taken: AtomicBool::new(false),
            sequence: AtomicUsize::new(0),
            start: AtomicUsize::new(0),
            end: AtomicUsize::new(0),
            holes: AtomicBool::new(false),
        }
    }; MOST];

    /// Who handled the signal before; `None` when the handler could not be set up.
    static PREVIOUS: OnceLock<Option<libc::sigaction>> = OnceLock::new();
    static PAGE: AtomicUsize = AtomicUsize::new(4096);

    impl Entry {
        fn write(&self, start: usize, end: usize) {
            self.sequence.fetch_add(1, Ordering::AcqRel);
            fence(Ordering::Release);
            self.start.store(start, Ordering::Relaxed);
            self.end.store(end, Ordering::Relaxed);
            self.sequence.fetch_add(1, Ordering::Release);
        }

        /// The end of the mapping, when the place lies in it.
        fn end_around(&self, place: usize) -> Option<usize> {
            let before = self.sequence.load(Ordering::Acquire);
            let (start, end) = (
                self.start.load(Ordering::Relaxed),
                self.end.load(Ordering::Relaxed),
            );
            fence(Ordering::Acquire);
            let same = self.sequence.load(Ordering::Relaxed) == before;
            // One that is being written is of another thread: the mapping that is read from stays as it is meanwhile.
            (same && before.is_multiple_of(2) && (start..end).contains(&place)).then_some(end)
        }
    }

    /// A mapping that is watched from here to its drop, which must come before the mapping's own.
    #[derive(Debug)]
    pub(in super::super) struct Watched(usize);

    impl Watched {
        /// `None` when no more can be watched.
        pub fn new(start: usize, length: usize) -> Option<Self> {
            PREVIOUS.get_or_init(set_up).as_ref()?;
            let take = |entry: &Entry| {
                let (free, taken) = (Ordering::AcqRel, Ordering::Relaxed);
                entry
                    .taken
                    .compare_exchange(false, true, free, taken)
                    .is_ok()
            };
            let at = TABLE.iter().position(take)?;
            let page = PAGE.load(Ordering::Relaxed);
            TABLE[at].holes.store(false, Ordering::SeqCst);
            TABLE[at].write(start, start + length.next_multiple_of(page));
            Some(Self(at))
        }

        /// Whether zeros were put anywhere into the mapping.
        pub fn has_holes(&self) -> bool {
            TABLE[self.0].holes.load(Ordering::SeqCst)
        }
    }

    impl Drop for Watched {
        fn drop(&mut self) {
            TABLE[self.0].write(0, 0);
            TABLE[self.0].taken.store(false, Ordering::Release);
        }
    }

    /// Sets the handler up, and gives the one before.
    fn set_up() -> Option<libc::sigaction> {
        // SAFETY: plain calls of the system with values made here. `sigaction` is a struct of numbers and of pointers
        // that may be null.
        unsafe {
            let page = libc::sysconf(libc::_SC_PAGESIZE);
            PAGE.store(usize::try_from(page).ok()?, Ordering::Relaxed);
            let mut before: libc::sigaction = zeroed();
            let mut ours: libc::sigaction = zeroed();
            let handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) = handle;
            ours.sa_sigaction = handler as usize;
            // On the stack that Rust gives each thread for this, and without blocking others.
            ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            libc::sigemptyset(&mut ours.sa_mask);
            let set = libc::sigaction(libc::SIGBUS, &ours, &mut before) == 0;
            set.then_some(before)
        }
    }

    extern "C" fn handle(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
        // SAFETY: the system calls this with a valid `info`. Only atomics and `mmap` are used, which is a bare call of the
        // system; its error number is put back.
        unsafe {
            let kept = *error_number();
            // What another process sent has no place.
            let sent = (*info).si_code <= 0;
            if sent || !fill((*info).si_addr() as usize) {
                pass_on(signal, info, context);
            }
            *error_number() = kept;
        }
    }

    /// Puts zeros from this place to the end of the mapping that it lies in; `false` when it lies in none.
    ///
    /// # Safety
    /// Only in the handler, whose place is being read by the thread that it interrupts: then the mapping is there.
    unsafe fn fill(place: usize) -> bool {
        let found = |entry: &'static Entry| entry.end_around(place).map(|end| (entry, end));
        let Some((entry, end)) = TABLE.iter().find_map(found) else {
            return false;
        };
        entry.holes.store(true, Ordering::SeqCst);
        let page = place - place % PAGE.load(Ordering::Relaxed);
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
        // SAFETY: from this page to its end the mapping is ours, and gone with it: nothing else lies there.
        let mapped = unsafe {
            libc::mmap(
                page as *mut c_void,
                end - page,
                libc::PROT_READ,
                flags,
                -1,
                0,
            )
        };
        mapped != libc::MAP_FAILED
    }

    /// Lets whoever handled the signal before handle it.
    ///
    /// # Safety
    /// Only in the handler, with what it was called with.
    unsafe fn pass_on(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
        let before = PREVIOUS.get().and_then(Option::as_ref);
        // SAFETY: the handler before was set by somebody with the flags that say how it is called. Without one the
        // signal has its usual effect: it is raised again and comes when this handler has returned.
        unsafe {
            match before {
                Some(before) if ![libc::SIG_DFL, libc::SIG_IGN].contains(&before.sa_sigaction) => {
                    if before.sa_flags & libc::SA_SIGINFO != 0 {
                        let call: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) =
                            std::mem::transmute(before.sa_sigaction);
                        call(signal, info, context);
                    } else {
                        let call: extern "C" fn(c_int) = std::mem::transmute(before.sa_sigaction);
                        call(signal);
                    }
                }
                _ => {
                    let mut usual: libc::sigaction = zeroed();
                    usual.sa_sigaction = libc::SIG_DFL;
                    libc::sigaction(signal, &usual, ptr::null_mut());
                    libc::raise(signal);
                }
            }
        }
    }

    #[cfg(target_os = "android")]
    use libc::__errno as error_number;
    #[cfg(target_os = "linux")]
    use libc::__errno_location as error_number;
    #[cfg(any(target_vendor = "apple", target_os = "freebsd"))]
    use libc::__error as error_number;

    #[cfg(test)]
    mod tests {
        use std::os::unix::process::ExitStatusExt;
        use std::process::Command;

        use fs_err as fs;

        use super::super::super::Mapped;

        /// Runs a test of this name in a process of its own, where it does what the child should; gives the signal that
        /// ended it. `None` in that process itself.
        fn ended_by(name: &str, child: impl FnOnce()) -> Option<Option<i32>> {
            const CHILD: &str = "VIZSLA_TEST_CHILD";
            if std::env::var_os(CHILD).is_some() {
                child();
                return None;
            }
            let me = std::env::current_exe().unwrap();
            let name = format!("{}::{name}", module_path!().split_once("::").unwrap().1);
            let output = Command::new(me)
                .args(["--exact", &name, "--test-threads", "1"])
                .env(CHILD, "1")
                .output()
                .unwrap();
            let shown = String::from_utf8_lossy(&output.stdout);
            assert!(shown.contains("running 1 test"), "{shown}");
            Some(output.status.signal())
        }

        fn handled(folder: &std::path::Path) -> Mapped {
            let path = folder.join("ours");
            fs::write(&path, vec![7; 10_000]).unwrap();
            Mapped::open(&path).unwrap()
        }

        #[test]
        fn a_mapping_of_somebody_else_still_ends_the_process() {
            let ended = ended_by("a_mapping_of_somebody_else_still_ends_the_process", || {
                let folder = tempfile::tempdir().unwrap();
                let _ours = handled(folder.path());
                let path = folder.path().join("theirs");
                fs::write(&path, vec![7; 10_000]).unwrap();
                let file = fs::OpenOptions::new()
                    .read(true)
                    .write(true)
                    .open(&path)
                    .unwrap();
                // SAFETY: what is tested is that reading it ends this process.
                let map = unsafe { memmap2::Mmap::map(file.file()) }.unwrap();
                file.set_len(0).unwrap();
                assert_ne!(map.iter().fold(0, |a, b| a | b), 1);
            });
            assert!(
                ended.is_none_or(|signal| signal == Some(libc::SIGBUS)),
                "{ended:?}"
            );
        }

        #[test]
        fn a_signal_that_was_sent_keeps_its_effect() {
            let ended = ended_by("a_signal_that_was_sent_keeps_its_effect", || {
                // SAFETY: set before any file is mapped in this process. Rust's own handler lets the first one pass.
                unsafe { libc::signal(libc::SIGBUS, libc::SIG_DFL) };
                let folder = tempfile::tempdir().unwrap();
                let _ours = handled(folder.path());
                // SAFETY: what is tested is that it ends this process.
                unsafe { libc::raise(libc::SIGBUS) };
            });
            assert!(
                ended.is_none_or(|signal| signal == Some(libc::SIGBUS)),
                "{ended:?}"
            );
        }

        #[test]
        fn the_handler_before_is_called() {
            extern "C" fn before(_: std::ffi::c_int) {
                // SAFETY: ends the process at once, as handlers may.
                unsafe { libc::_exit(42) };
            }
            let ended = ended_by("the_handler_before_is_called", || {
                let handler: extern "C" fn(std::ffi::c_int) = before;
                // SAFETY: set before any file is mapped in this process.
                unsafe { libc::signal(libc::SIGBUS, handler as usize) };
                let folder = tempfile::tempdir().unwrap();
                let _ours = handled(folder.path());
                // SAFETY: what is tested is where it goes.
                unsafe { libc::raise(libc::SIGBUS) };
            });
            assert!(ended.is_none_or(|signal| signal.is_none()), "{ended:?}");
        }
    }
}
