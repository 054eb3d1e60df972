//! Bytes as protocols of terminals carry them.

/// Bytes as base64.
pub(super) fn base64(bytes: &[u8]) -> String {
    let mut uri = vizsla_evaluation::data_uri("", bytes);
    uri.split_off(uri.find(',').map_or(0, |comma| comma + 1))
}
