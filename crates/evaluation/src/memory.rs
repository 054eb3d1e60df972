//! Peak memory of this process.

/// Largest resident set of this process so far in bytes, all threads together: `VmHWM` of `/proc/self/status` on
/// Linux, `None` elsewhere. Memory-mapped index files count as far as they are resident.
pub fn peak_rss_bytes() -> Option<u64> {
    parse(&fs_err::read_to_string("/proc/self/status").ok()?)
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
}
