//! Memory and processor time of this process.

/// Largest resident set of this process so far in bytes, all threads together: `VmHWM` of `/proc/self/status` on
/// Linux, `None` elsewhere. Memory-mapped index files count as far as they are resident.
pub fn peak_rss_bytes() -> Option<u64> {
    parse(&fs_err::read_to_string("/proc/self/status").ok()?)
}

/// Seconds of processor time that all threads of this process have used so far; `None` where the system does not say.
///
/// Other programs on the machine make the wall clock run on and leave this nearly as it is.
pub fn processor_seconds() -> Option<f64> {
    #[cfg(unix)]
    {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        Some(time.tv_sec as f64 + 1e-9 * time.tv_nsec as f64)
    }
    #[cfg(not(unix))]
    None
}

/// Seconds of it since `before`, where the system tells them.
pub(crate) fn processor_seconds_since(before: Option<f64>) -> Option<f64> {
    Some(processor_seconds()? - before?)
}

fn parse(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_high_water_mark_is_found() {
        assert_eq!(
            parse("Name:\tvizsla\nVmHWM:\t   12 kB\nVmRSS:\t 8 kB\n"),
            Some(12 * 1024)
        );
        assert_eq!(parse("VmRSS:\t 8 kB\n"), None);
        if cfg!(target_os = "linux") {
            assert!(peak_rss_bytes().is_some_and(|bytes| bytes > 100_000));
        }
    }

    #[test]
    fn processor_time_grows_with_work() {
        let Some(before) = processor_seconds() else {
            return;
        };
        let mut sum = 0_u64;
        while processor_seconds().is_some_and(|now| now <= before) {
            sum = std::hint::black_box(sum.wrapping_mul(31).wrapping_add(1));
        }
        assert!(processor_seconds() > Some(before));
    }
}
