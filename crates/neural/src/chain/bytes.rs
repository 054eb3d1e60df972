//! Products of bytes: places times the weights of a pointwise layer.
//!
//! What comes into such a layer lies between 0 and 6 and is rounded to 255 steps. Weights are whole numbers from −127 to 127, with a scale for
//! each channel that comes out (Jacob et al. 2018). Sums of products of whole numbers are exact, so every processor makes the same of the same bytes.
#![allow(unsafe_code)]

/// What values are cut off at.
pub(super) const MOST: f32 = 6.0;
/// Channels that come out of a block.
const BLOCK: usize = 16;
/// Channels that come in with an entry of a block.
const PACK: usize = 4;
/// Steps of what comes in.
const STEPS: f32 = 255.0;

/// For four channels that come in, the weights of the sixteen that come out of a block.
type Entry = [[i8; PACK]; BLOCK];

/// The weights of a pointwise layer, packed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct BytePanel {
    outputs: usize,
    /// Entries of a block.
    depth: usize,
    /// The entries of the first block, then those of the next; what is missing is 0.
    entries: Vec<Entry>,
    /// What a sum is multiplied by, for each channel of all blocks.
    scales: Vec<f32>,
    /// What is added then.
    bias: Vec<f32>,
}

/// A group of blocks with what makes values of their sums.
struct Group<'a> {
    entries: &'a [Entry],
    scales: &'a [f32],
    bias: &'a [f32],
}

impl Group<'_> {
    /// The values that sums of its first block become.
    #[inline(always)]
    fn finish(&self, sums: &[i32; BLOCK], to: &mut [f32]) {
        for (at, to) in to.iter_mut().enumerate() {
            *to = (sums[at] as f32 * self.scales[at] + self.bias[at]).clamp(0.0, MOST);
        }
    }
}

/// Rounds numbers from 0 to 6 to bytes; each place has `channels` of them, and gets as many bytes more as fill an entry.
pub(super) fn rounded(values: &[f32], channels: usize, bytes: &mut Vec<u8>) {
    let padded = channels.next_multiple_of(PACK);
    bytes.clear();
    bytes.resize(values.len() / channels * padded, 0);
    if padded == channels {
        return round(values, bytes);
    }
    for (values, bytes) in values
        .chunks_exact(channels)
        .zip(bytes.chunks_exact_mut(padded))
    {
        round(values, &mut bytes[..channels]);
    }
}

fn round(values: &[f32], bytes: &mut [u8]) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the feature was found on this processor just above.
        return unsafe { x86::round(values, bytes) };
    }
    round_by(values, bytes);
}

#[inline(always)]
fn round_by(values: &[f32], bytes: &mut [u8]) {
    for at in 0..bytes.len().min(values.len()) {
        bytes[at] = (values[at] * (STEPS / MOST) + 0.5) as u8;
    }
}

impl BytePanel {
    /// Packs `weights`, rows of `outputs` whole numbers for each channel that comes in, with a scale and a bias for each that comes out.
    pub fn new(weights: &[i8], scales: &[f32], bias: &[f32]) -> Self {
        let outputs = scales.len();
        let inputs = weights.len() / outputs;
        let (blocks, depth) = (outputs.div_ceil(BLOCK), inputs.div_ceil(PACK));
        let mut entries = vec![[[0; PACK]; BLOCK]; blocks * depth];
        for (input, row) in weights.chunks_exact(outputs).enumerate() {
            for (output, &weight) in row.iter().enumerate() {
                let entry = &mut entries[output / BLOCK * depth + input / PACK];
                entry[output % BLOCK][input % PACK] = weight;
            }
        }
        let filled = |values: &[f32], factor: f32| {
            let mut filled: Vec<f32> = values.iter().map(|value| value * factor).collect();
            filled.resize(blocks * BLOCK, 0.0);
            filled
        };
        Self {
            outputs,
            depth,
            entries,
            scales: filled(scales, MOST / STEPS),
            bias: filled(bias, 1.0),
        }
    }

    /// Bytes of a place, see [`rounded`].
    fn across(&self) -> usize {
        self.depth * PACK
    }

    /// The values of all channels that come out at every place, cut off below 0 and above 6. `places` are as [`rounded`] gives them.
    pub fn product(&self, places: &[u8], to: &mut [f32]) {
        debug_assert_eq!(places.len() / self.across(), to.len() / self.outputs);
        #[cfg(target_arch = "x86_64")]
        {
            if x86::has_vnni() {
                // SAFETY: the features were found on this processor just above.
                return unsafe { x86::vnni(self, places, to) };
            }
            if std::arch::is_x86_feature_detected!("avx2") {
                // SAFETY: the feature was found on this processor just above.
                return unsafe { x86::avx2(self, places, to) };
            }
        }
        self.portable(places, to);
    }

    fn portable(&self, places: &[u8], to: &mut [f32]) {
        self.product_by(places, to, |places, group, to| {
            let mut sums = [0i32; BLOCK];
            for (entry, four) in group.entries.iter().zip(places.as_chunks::<PACK>().0) {
                for (sum, weights) in sums.iter_mut().zip(entry) {
                    for at in 0..PACK {
                        *sum += i32::from(weights[at]) * i32::from(four[at]);
                    }
                }
            }
            group.finish(&sums, to);
        });
    }

    /// Shows `tile` every place with every block, and where their values go.
    #[inline(always)]
    fn product_by(
        &self,
        places: &[u8],
        to: &mut [f32],
        tile: impl Fn(&[u8], &Group<'_>, &mut [f32]),
    ) {
        for (place, to) in places
            .chunks_exact(self.across())
            .zip(to.chunks_exact_mut(self.outputs))
        {
            for (block, to) in to.chunks_mut(BLOCK).enumerate() {
                tile(place, &self.group(block, 1), to);
            }
        }
    }

    #[inline(always)]
    fn group(&self, first: usize, blocks: usize) -> Group<'_> {
        let channels = first * BLOCK..(first + blocks) * BLOCK;
        Group {
            entries: &self.entries[first * self.depth..(first + blocks) * self.depth],
            scales: &self.scales[channels.clone()],
            bias: &self.bias[channels],
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m256i, __m512, __m512i, _mm256_add_epi32, _mm256_loadu_si256, _mm256_madd_epi16,
        _mm256_set1_epi32, _mm256_setzero_si256, _mm256_slli_epi16, _mm256_srai_epi16,
        _mm256_storeu_si256, _mm512_add_ps, _mm512_cvtepi32_ps, _mm512_dpbusd_epi32,
        _mm512_loadu_ps, _mm512_loadu_si512, _mm512_max_ps, _mm512_min_ps, _mm512_mul_ps,
        _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps, _mm512_setzero_si512,
        _mm512_storeu_ps,
    };

    use super::{BLOCK, BytePanel, Entry, Group, MOST, PACK, round_by};

    /// Places and blocks of one tile: their sums, the weights of an entry and one place fill the registers.
    const PLACES: usize = 8;
    const BLOCKS: usize = 3;

    pub(super) fn has_vnni() -> bool {
        std::arch::is_x86_feature_detected!("avx512f")
            && std::arch::is_x86_feature_detected!("avx512vnni")
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn round(values: &[f32], bytes: &mut [u8]) {
        round_by(values, bytes);
    }

    #[target_feature(enable = "avx512f,avx512vnni")]
    pub(super) fn vnni(panel: &BytePanel, places: &[u8], to: &mut [f32]) {
        let (across, outputs) = (panel.across(), panel.outputs);
        let several = places
            .chunks(PLACES * across)
            .zip(to.chunks_mut(PLACES * outputs));
        for (places, to) in several {
            if places.len() == PLACES * across {
                strip::<PLACES>(panel, places, to);
                continue;
            }
            let each = places
                .chunks_exact(across)
                .zip(to.chunks_exact_mut(outputs));
            for (place, to) in each {
                strip::<1>(panel, place, to);
            }
        }
    }

    /// The values of `P` places and all blocks.
    #[target_feature(enable = "avx512f,avx512vnni")]
    fn strip<const P: usize>(panel: &BytePanel, places: &[u8], to: &mut [f32]) {
        let (across, outputs) = (panel.across(), panel.outputs);
        let blocks = outputs.div_ceil(BLOCK);
        let wide = blocks / BLOCKS * BLOCKS;
        for block in (0..wide).step_by(BLOCKS) {
            let group = panel.group(block, BLOCKS);
            tile::<P, BLOCKS>(places, across, &group, outputs, block * BLOCK, to);
        }
        for block in wide..blocks {
            let group = panel.group(block, 1);
            tile::<P, 1>(places, across, &group, outputs, block * BLOCK, to);
        }
    }

    /// The values of `P` places and `B` blocks, of which `first` is the first channel.
    #[target_feature(enable = "avx512f,avx512vnni")]
    fn tile<const P: usize, const B: usize>(
        places: &[u8],
        across: usize,
        group: &Group<'_>,
        outputs: usize,
        first: usize,
        to: &mut [f32],
    ) {
        let depth = across / PACK;
        let places: [&[[u8; PACK]]; P] =
            std::array::from_fn(|p| places[p * across..][..across].as_chunks::<PACK>().0);
        let blocks: [&[Entry]; B] = std::array::from_fn(|b| &group.entries[b * depth..][..depth]);
        let mut sums = [[_mm512_setzero_si512(); B]; P];
        for at in 0..depth {
            let mut weights = [_mm512_setzero_si512(); B];
            for b in 0..B {
                weights[b] = entry(&blocks[b][at]);
            }
            for p in 0..P {
                let four = _mm512_set1_epi32(i32::from_le_bytes(places[p][at]));
                for b in 0..B {
                    sums[p][b] = _mm512_dpbusd_epi32(sums[p][b], four, weights[b]);
                }
            }
        }
        for (p, sums) in sums.iter().enumerate() {
            for (b, &sums) in sums.iter().enumerate() {
                let (from, at) = (b * BLOCK, first + b * BLOCK);
                let values = values(sums, &group.scales[from..], &group.bias[from..]);
                let to = &mut to[p * outputs + at..(p + 1) * outputs];
                // SAFETY: as many numbers are there as a register holds.
                unsafe {
                    match to.first_chunk_mut::<BLOCK>() {
                        Some(whole) => _mm512_storeu_ps(whole.as_mut_ptr(), values),
                        None => {
                            let mut stored = [0.0f32; BLOCK];
                            _mm512_storeu_ps(stored.as_mut_ptr(), values);
                            to.copy_from_slice(&stored[..to.len()]);
                        }
                    }
                }
            }
        }
    }

    #[target_feature(enable = "avx512f")]
    fn entry(from: &Entry) -> __m512i {
        // SAFETY: an entry has as many bytes as a register.
        unsafe { _mm512_loadu_si512(from.as_ptr().cast()) }
    }

    #[target_feature(enable = "avx512f")]
    fn values(sums: __m512i, scales: &[f32], bias: &[f32]) -> __m512 {
        let (scales, bias) = (&scales[..BLOCK], &bias[..BLOCK]);
        // SAFETY: as many numbers are there as a register takes.
        let (scales, bias) = unsafe {
            (
                _mm512_loadu_ps(scales.as_ptr()),
                _mm512_loadu_ps(bias.as_ptr()),
            )
        };
        // Two roundings, as everywhere else.
        let values = _mm512_add_ps(_mm512_mul_ps(_mm512_cvtepi32_ps(sums), scales), bias);
        _mm512_min_ps(
            _mm512_max_ps(values, _mm512_setzero_ps()),
            _mm512_set1_ps(MOST),
        )
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn avx2(panel: &BytePanel, places: &[u8], to: &mut [f32]) {
        panel.product_by(places, to, |place, group, to| half_tiles(place, group, to));
    }

    #[target_feature(enable = "avx2")]
    fn half_tiles(place: &[u8], group: &Group<'_>, to: &mut [f32]) {
        let mut sums = [_mm256_setzero_si256(); 2];
        for (entry, four) in group.entries.iter().zip(place.as_chunks::<PACK>().0) {
            let pair =
                |low: u8, high: u8| _mm256_set1_epi32(i32::from(high) << 16 | i32::from(low));
            let (even, odd) = (pair(four[0], four[2]), pair(four[1], four[3]));
            for (half, sum) in sums.iter_mut().enumerate() {
                let weights = half_entry(entry, half);
                let first = _mm256_srai_epi16::<8>(_mm256_slli_epi16::<8>(weights));
                let second = _mm256_srai_epi16::<8>(weights);
                let both = _mm256_add_epi32(
                    _mm256_madd_epi16(first, even),
                    _mm256_madd_epi16(second, odd),
                );
                *sum = _mm256_add_epi32(*sum, both);
            }
        }
        let mut whole = [0i32; BLOCK];
        for half in 0..2 {
            let eight = &mut whole[half * BLOCK / 2..][..BLOCK / 2];
            // SAFETY: as many numbers are there as a register holds.
            unsafe { _mm256_storeu_si256(eight.as_mut_ptr().cast(), sums[half]) };
        }
        group.finish(&whole, to);
    }

    #[target_feature(enable = "avx2")]
    fn half_entry(entry: &Entry, half: usize) -> __m256i {
        let eight = &entry[half * BLOCK / 2..][..BLOCK / 2];
        // SAFETY: half an entry has as many bytes as a register.
        unsafe { _mm256_loadu_si256(eight.as_ptr().cast()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SplitMix64 (Steele et al. 2014).
    fn dice(state: &mut u64) -> u64 {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    #[test]
    fn every_way_gives_the_sums_of_the_definition() {
        let mut state = 3;
        for (inputs, outputs, places) in [
            (1, 1, 1),
            (24, 48, 19),
            (7, 17, 8),
            (96, 96, 9),
            (5, 80, 33),
            (768, 64, 3),
        ] {
            let weights: Vec<i8> = (0..inputs * outputs)
                .map(|_| (dice(&mut state) % 255) as i8)
                .collect();
            let weights: Vec<i8> = weights.iter().map(|&weight| weight.max(-127)).collect();
            let scales: Vec<f32> = (0..outputs)
                .map(|_| (dice(&mut state) % 100) as f32 * 1e-5)
                .collect();
            let bias: Vec<f32> = (0..outputs)
                .map(|_| (dice(&mut state) % 40) as f32 * 0.1)
                .collect();
            let values: Vec<f32> = (0..places * inputs)
                .map(|_| (dice(&mut state) % 601) as f32 * 0.01)
                .collect();
            let panel = BytePanel::new(&weights, &scales, &bias);
            let mut bytes = Vec::new();
            rounded(&values, inputs, &mut bytes);
            let mut expected = Vec::new();
            for place in values.chunks_exact(inputs) {
                for output in 0..outputs {
                    let each = place.iter().enumerate();
                    let sum: i32 = each
                        .map(|(input, value)| {
                            let byte = (value * (STEPS / MOST) + 0.5) as u8;
                            i32::from(byte) * i32::from(weights[input * outputs + output])
                        })
                        .sum();
                    let scale = scales[output] * (MOST / STEPS);
                    expected.push((sum as f32 * scale + bias[output]).clamp(0.0, MOST));
                }
            }
            let mut ways: Vec<Vec<f32>> = Vec::new();
            let mut run = |way: &dyn Fn(&mut [f32])| {
                let mut found = vec![f32::NAN; places * outputs];
                way(&mut found);
                ways.push(found);
            };
            run(&|found| panel.product(&bytes, found));
            #[cfg(target_arch = "x86_64")]
            if std::arch::is_x86_feature_detected!("avx2") {
                // SAFETY: the feature was found on this processor just above.
                run(&|found| unsafe { x86::avx2(&panel, &bytes, found) });
            }
            run(&|found| panel.portable(&bytes, found));
            for way in ways {
                assert!(way == expected, "{inputs} {outputs} {places}");
            }
        }
    }
}
