//! What the layers do place by place. Sides are padded as TensorFlow's `SAME` says: the map has as many places as strides fit into the
//! picture, and of an odd number of places that are missing the greater half is missing at the end.
#![allow(unsafe_code)]

use super::bytes::MOST;
use super::file::{WINDOW, Window};

/// Side of a window.
const SIDE: usize = 3;
/// Channels that are worked on at a time.
#[cfg(target_arch = "x86_64")]
const LANES: usize = 8;

/// For a side of `length` places: how many the windows reach over, which is more, and how many of these come before the first.
fn reach(length: usize, stride: usize) -> (usize, usize) {
    let all = (length.div_ceil(stride) - 1) * stride + SIDE;
    (all, (all - length) / 2)
}

/// The picture with what is missing around it as zeros, so that every window lies inside: its width, and its numbers in `room`.
pub(super) fn framed(
    window: &Window,
    from: &[f32],
    (height, width): (usize, usize),
    room: &mut Vec<f32>,
) -> usize {
    let channels = window.channels;
    let (rows, above) = reach(height, window.stride);
    let (columns, left) = reach(width, window.stride);
    room.clear();
    room.resize(rows * columns * channels, 0.0);
    for (y, row) in from.chunks_exact(width * channels).enumerate() {
        let at = ((y + above) * columns + left) * channels;
        room[at..at + row.len()].copy_from_slice(row);
    }
    columns
}

/// The windows of a picture with a frame, one a row: rows × columns × channels.
pub(super) fn windows(
    window: &Window,
    framed: &[f32],
    width: usize,
    columns: usize,
    windows: &mut Vec<f32>,
) {
    let channels = window.channels;
    let rows = (framed.len() / (width * channels) - SIDE) / window.stride + 1;
    windows.clear();
    for at in 0..rows * columns {
        let (y, x) = (at / columns * window.stride, at % columns * window.stride);
        for row in y..y + SIDE {
            let first = (row * width + x) * channels;
            windows.extend_from_slice(&framed[first..first + SIDE * channels]);
        }
    }
}

/// Adds the bias of its channel to every number, and cuts it off.
pub(super) fn finish(values: &mut [f32], bias: &[f32]) {
    #[cfg(target_arch = "x86_64")]
    if x86::there() {
        // SAFETY: the features were found on this processor just above.
        return unsafe { x86::finish(values, bias) };
    }
    finish_by(values, bias);
}

#[inline(always)]
fn finish_by(values: &mut [f32], bias: &[f32]) {
    let channels = bias.len();
    for place in values.chunks_exact_mut(channels) {
        for channel in 0..channels {
            place[channel] = (place[channel] + bias[channel]).clamp(0.0, MOST);
        }
    }
}

/// Each channel times its window, with bias, cut off. `from` has a frame of zeros, see [`framed`]; `width` is its width with it, `columns` that
/// of what comes out.
pub(super) fn depthwise(
    window: &Window,
    from: &[f32],
    width: usize,
    columns: usize,
    to: &mut [f32],
) {
    #[cfg(target_arch = "x86_64")]
    if x86::there() {
        // SAFETY: the features were found on this processor just above.
        return unsafe { x86::depthwise(window, from, width, columns, to) };
    }
    depthwise_by(window, from, width, columns, to);
}

fn depthwise_by(window: &Window, from: &[f32], width: usize, columns: usize, to: &mut [f32]) {
    let (stride, channels) = (window.stride, window.channels);
    for (at, out) in to.chunks_exact_mut(channels).enumerate() {
        let (y, x) = (at / columns * stride, at % columns * stride);
        out.copy_from_slice(&window.bias);
        for (tap, weights) in window.weights.chunks_exact(channels).enumerate() {
            let place = (y + tap / SIDE) * width + x + tap % SIDE;
            let values = &from[place * channels..][..channels];
            for channel in 0..channels {
                out[channel] += values[channel] * weights[channel];
            }
        }
        out.iter_mut()
            .for_each(|value| *value = value.clamp(0.0, MOST));
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m256, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_max_ps, _mm256_min_ps, _mm256_set1_ps,
        _mm256_setzero_ps, _mm256_storeu_ps,
    };

    use super::{LANES, MOST, SIDE, WINDOW, Window, depthwise_by, finish_by};

    pub(super) fn there() -> bool {
        std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma")
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn finish(values: &mut [f32], bias: &[f32]) {
        finish_by(values, bias);
    }

    #[target_feature(enable = "avx2,fma")]
    fn load(from: &[f32; LANES]) -> __m256 {
        // SAFETY: as many numbers are there as a register takes.
        unsafe { _mm256_loadu_ps(from.as_ptr()) }
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn depthwise(
        window: &Window,
        from: &[f32],
        width: usize,
        columns: usize,
        to: &mut [f32],
    ) {
        let (stride, channels) = (window.stride, window.channels);
        if !channels.is_multiple_of(LANES) {
            return depthwise_by(window, from, width, columns, to);
        }
        let blocks = channels / LANES;
        let (from, weights) = (
            from.as_chunks::<LANES>().0,
            window.weights.as_chunks::<LANES>().0,
        );
        let (bias, to) = (
            window.bias.as_chunks::<LANES>().0,
            to.as_chunks_mut::<LANES>().0,
        );
        let (none, most) = (_mm256_setzero_ps(), _mm256_set1_ps(MOST));
        for (y, out) in to.chunks_exact_mut(columns * blocks).enumerate() {
            for block in 0..blocks {
                let weights: [__m256; WINDOW] =
                    std::array::from_fn(|tap| load(&weights[tap * blocks + block]));
                let bias = load(&bias[block]);
                for x in 0..columns {
                    let mut sum = bias;
                    for row in 0..SIDE {
                        let first = ((y * stride + row) * width + x * stride) * blocks + block;
                        for column in 0..SIDE {
                            let values = load(&from[first + column * blocks]);
                            sum = _mm256_fmadd_ps(values, weights[row * SIDE + column], sum);
                        }
                    }
                    let sum = _mm256_min_ps(_mm256_max_ps(sum, none), most);
                    // SAFETY: as many numbers are there as a register holds.
                    unsafe { _mm256_storeu_ps(out[x * blocks + block].as_mut_ptr(), sum) };
                }
            }
        }
    }
}
