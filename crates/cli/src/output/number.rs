//! Numbers as people read them.

/// Groups digits by thousands: 1,234,567.
pub fn count(value: impl TryInto<u64>) -> String {
    let digits = value.try_into().unwrap_or(u64::MAX).to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A count with its noun: "1 file", "2 files".
pub fn plural(value: impl TryInto<u64>, noun: &str) -> String {
    let value = value.try_into().unwrap_or(u64::MAX);
    format!(
        "{} {noun}{}",
        count(value),
        if value == 1 { "" } else { "s" }
    )
}

/// A size in binary units with three digits: "512 B", "1.43 MiB".
pub fn bytes(value: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut scaled = value as f64;
    let mut unit = 0;
    while scaled >= 1000.0 && unit + 1 < UNITS.len() {
        scaled /= 1024.0;
        unit += 1;
    }
    let places = if unit == 0 || scaled >= 100.0 {
        0
    } else {
        usize::from(scaled < 10.0) + 1
    };
    format!("{scaled:.places$} {}", UNITS[unit])
}

/// A span of time in the unit that suits it: "0.8 ms", "12.3 s", "4 min 05 s".
pub fn duration(seconds: f64) -> String {
    if seconds < 1.0 {
        return format!("{:.1} ms", seconds * 1e3);
    }
    if seconds < 100.0 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    match whole / 3600 {
        0 => format!("{} min {:02} s", whole / 60, whole % 60),
        hours => format!("{hours} h {:02} min", whole / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped() {
        assert_eq!(count(0_u64), "0");
        assert_eq!(count(999_u64), "999");
        assert_eq!(count(1_000_usize), "1,000");
        assert_eq!(count(1_234_567_u32), "1,234,567");
        assert_eq!(plural(1_usize, "file"), "1 file");
        assert_eq!(plural(2_000_usize, "file"), "2,000 files");
    }

    #[test]
    fn sizes_have_three_digits() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1 << 20), "1.00 MiB");
        assert_eq!(bytes(15 * 1024), "15.0 KiB");
        assert_eq!(bytes(700 << 30), "700 GiB");
    }

    #[test]
    fn spans_choose_their_unit() {
        assert_eq!(duration(0.0123), "12.3 ms");
        assert_eq!(duration(12.34), "12.3 s");
        assert_eq!(duration(245.0), "4 min 05 s");
        assert_eq!(duration(7_260.0), "2 h 01 min");
    }
}
