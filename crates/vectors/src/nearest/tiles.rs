//! Tiles of the distance matrix in vector registers.
//!
//! x86-64 has two instruction sets worth a kernel, and both share one body over [`Lanes`]:
//!
//! * AVX2: pairs of dimensions as 16-bit numbers, `vpmaddwd`; 8 rows a register.
//! * AVX-512 VNNI: four dimensions as bytes, `vpdpbusd`; 16 rows a register. The instruction wants one side
//!   signed, so 128 is taken off the database rows and its share added back through the query's norm.
//!
//! On aarch64 one pair of rows at a time is enough to fill the NEON units.
#![allow(unsafe_code)]

use super::best::{Backward, NearestTwo};

/// A kernel: `None` where the processor lacks its instructions.
pub(super) type Kernel = fn(&[[u8; 128]], &[[u8; 128]], &mut [Backward]) -> Option<Vec<NearestTwo>>;

#[cfg(target_arch = "x86_64")]
pub(super) const KERNELS: &[Kernel] = &[x86::vnni, x86::avx2];
#[cfg(not(target_arch = "x86_64"))]
pub(super) const KERNELS: &[Kernel] = &[];

/// Runs the first kernel that this processor can.
pub(super) fn search(
    queries: &[[u8; 128]],
    database: &[[u8; 128]],
    backward: &mut [Backward],
) -> Option<Vec<NearestTwo>> {
    KERNELS
        .iter()
        .find_map(|kernel| kernel(queries, database, backward))
}

#[cfg(target_arch = "aarch64")]
pub(super) fn squared_distance(a: &[u8; 128], b: &[u8; 128]) -> u32 {
    use std::arch::aarch64::*;
    // SAFETY: NEON is part of the aarch64 baseline, and each load covers 16 of 128 bytes.
    unsafe {
        let mut sums = [vdupq_n_u32(0); 2];
        for i in (0..128).step_by(16) {
            let difference = vabdq_u8(vld1q_u8(a.as_ptr().add(i)), vld1q_u8(b.as_ptr().add(i)));
            let (low, high) = (vget_low_u8(difference), vget_high_u8(difference));
            sums[0] = vpadalq_u16(sums[0], vmull_u8(low, low));
            sums[1] = vpadalq_u16(sums[1], vmull_u8(high, high));
        }
        vaddvq_u32(vaddq_u32(sums[0], sums[1]))
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::super::best::DIMENSIONS;
    use super::super::best::{Backward, NearestTwo};

    /// Queries handled together, and groups of rows handled together.
    const QUERIES: usize = 4;
    const GROUPS: usize = 2;
    /// Rows of a tile; their regrouped copy fits the first-level cache.
    const TILE: usize = 64;
    /// Norm of the rows that fill up the last group: farther than any real row.
    const FILLER: i32 = 0x3fff_ffff;

    /// What a register of 32-bit lanes can do. Every method needs the instructions of its implementor.
    trait Lanes: Copy {
        /// 32-bit lanes, one database row each.
        const COUNT: usize;
        /// Dimensions in one lane.
        const PACK: usize;
        /// One packed dimension group of a row, and of a query.
        fn pack_row(values: &[u8]) -> u32;
        fn pack_query(values: &[u8]) -> u32;
        /// Squared norm of a query, less what `pack_row` took off.
        fn query_norm(query: &[u8; 128]) -> i32;
        unsafe fn splat(value: i32) -> Self;
        unsafe fn load(from: *const i32) -> Self;
        unsafe fn store(self, to: *mut i32);
        unsafe fn multiply_add(self, rows: Self, query: Self) -> Self;
        /// `norms - 2 * self`.
        unsafe fn distance(self, norms: Self) -> Self;
        unsafe fn min(self, other: Self) -> Self;
        unsafe fn max(self, other: Self) -> Self;
        unsafe fn add(self, other: Self) -> Self;
        /// Per lane: `value` where `a < b`, else `self`.
        unsafe fn replace_where_less(self, a: Self, b: Self, value: Self) -> Self;
    }

    fn norm(row: &[u8; 128]) -> i32 {
        row.iter().map(|&v| i32::from(v) * i32::from(v)).sum()
    }

    impl Lanes for __m256i {
        const COUNT: usize = 8;
        const PACK: usize = 2;
        #[inline(always)]
        fn pack_row(values: &[u8]) -> u32 {
            u32::from(values[0]) | u32::from(values[1]) << 16
        }
        #[inline(always)]
        fn pack_query(values: &[u8]) -> u32 {
            Self::pack_row(values)
        }
        #[inline(always)]
        fn query_norm(query: &[u8; 128]) -> i32 {
            norm(query)
        }
        #[inline(always)]
        unsafe fn splat(value: i32) -> Self {
            // SAFETY: the caller has AVX2; so for every method below.
            unsafe { _mm256_set1_epi32(value) }
        }
        #[inline(always)]
        unsafe fn load(from: *const i32) -> Self {
            // SAFETY: the caller gives eight readable lanes.
            unsafe { _mm256_loadu_si256(from.cast()) }
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut i32) {
            // SAFETY: the caller gives eight writable lanes.
            unsafe { _mm256_storeu_si256(to.cast(), self) }
        }
        #[inline(always)]
        unsafe fn multiply_add(self, rows: Self, query: Self) -> Self {
            // SAFETY: as above.
            unsafe { _mm256_add_epi32(self, _mm256_madd_epi16(rows, query)) }
        }
        #[inline(always)]
        unsafe fn distance(self, norms: Self) -> Self {
            // SAFETY: as above.
            unsafe { _mm256_sub_epi32(norms, _mm256_slli_epi32::<1>(self)) }
        }
        #[inline(always)]
        unsafe fn min(self, other: Self) -> Self {
            // SAFETY: as above.
            unsafe { _mm256_min_epi32(self, other) }
        }
        #[inline(always)]
        unsafe fn max(self, other: Self) -> Self {
            // SAFETY: as above.
            unsafe { _mm256_max_epi32(self, other) }
        }
        #[inline(always)]
        unsafe fn add(self, other: Self) -> Self {
            // SAFETY: as above.
            unsafe { _mm256_add_epi32(self, other) }
        }
        #[inline(always)]
        unsafe fn replace_where_less(self, a: Self, b: Self, value: Self) -> Self {
            // SAFETY: as above.
            unsafe { _mm256_blendv_epi8(self, value, _mm256_cmpgt_epi32(b, a)) }
        }
    }

    impl Lanes for __m512i {
        const COUNT: usize = 16;
        const PACK: usize = 4;
        #[inline(always)]
        fn pack_row(values: &[u8]) -> u32 {
            // Flipping the top bit of a byte takes 128 off, read as signed.
            u32::from_le_bytes([values[0], values[1], values[2], values[3]]) ^ 0x8080_8080
        }
        #[inline(always)]
        fn pack_query(values: &[u8]) -> u32 {
            u32::from_le_bytes([values[0], values[1], values[2], values[3]])
        }
        #[inline(always)]
        fn query_norm(query: &[u8; 128]) -> i32 {
            norm(query) - 256 * query.iter().map(|&v| i32::from(v)).sum::<i32>()
        }
        #[inline(always)]
        unsafe fn splat(value: i32) -> Self {
            // SAFETY: the caller has AVX-512 F and VNNI; so for every method below.
            unsafe { _mm512_set1_epi32(value) }
        }
        #[inline(always)]
        unsafe fn load(from: *const i32) -> Self {
            // SAFETY: the caller gives sixteen readable lanes.
            unsafe { _mm512_loadu_si512(from.cast()) }
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut i32) {
            // SAFETY: the caller gives sixteen writable lanes.
            unsafe { _mm512_storeu_si512(to.cast(), self) }
        }
        #[inline(always)]
        unsafe fn multiply_add(self, rows: Self, query: Self) -> Self {
            // SAFETY: as above.
            unsafe { _mm512_dpbusd_epi32(self, query, rows) }
        }
        #[inline(always)]
        unsafe fn distance(self, norms: Self) -> Self {
            // SAFETY: as above.
            unsafe { _mm512_sub_epi32(norms, _mm512_slli_epi32::<1>(self)) }
        }
        #[inline(always)]
        unsafe fn min(self, other: Self) -> Self {
            // SAFETY: as above.
            unsafe { _mm512_min_epi32(self, other) }
        }
        #[inline(always)]
        unsafe fn max(self, other: Self) -> Self {
            // SAFETY: as above.
            unsafe { _mm512_max_epi32(self, other) }
        }
        #[inline(always)]
        unsafe fn add(self, other: Self) -> Self {
            // SAFETY: as above.
            unsafe { _mm512_add_epi32(self, other) }
        }
        #[inline(always)]
        unsafe fn replace_where_less(self, a: Self, b: Self, value: Self) -> Self {
            // SAFETY: as above.
            unsafe { _mm512_mask_mov_epi32(self, _mm512_cmplt_epi32_mask(a, b), value) }
        }
    }

    pub(super) fn avx2(
        queries: &[[u8; 128]],
        database: &[[u8; 128]],
        backward: &mut [Backward],
    ) -> Option<Vec<NearestTwo>> {
        #[target_feature(enable = "avx2")]
        fn run(q: &[[u8; 128]], d: &[[u8; 128]], b: &mut [Backward]) -> Vec<NearestTwo> {
            // SAFETY: AVX2 is on in this function.
            unsafe { search::<__m256i, 8>(q, d, b) }
        }
        // SAFETY: called only when the processor has AVX2.
        is_x86_feature_detected!("avx2").then(|| unsafe { run(queries, database, backward) })
    }

    pub(super) fn vnni(
        queries: &[[u8; 128]],
        database: &[[u8; 128]],
        backward: &mut [Backward],
    ) -> Option<Vec<NearestTwo>> {
        #[target_feature(enable = "avx512f,avx512vnni")]
        fn run(q: &[[u8; 128]], d: &[[u8; 128]], b: &mut [Backward]) -> Vec<NearestTwo> {
            // SAFETY: AVX-512 F and VNNI are on in this function.
            unsafe { search::<__m512i, 16>(q, d, b) }
        }
        let able = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vnni");
        // SAFETY: called only when the processor has both.
        able.then(|| unsafe { run(queries, database, backward) })
    }

    /// The two nearest of one query so far, lane by lane.
    #[derive(Clone, Copy)]
    struct Forward<const N: usize> {
        best: [i32; N],
        second: [i32; N],
        index: [i32; N],
    }

    /// A tile of database rows, regrouped: `[group][pack of dimensions][lane]`.
    struct Tile<const N: usize> {
        packed: Vec<[i32; N]>,
        norms: Vec<[i32; N]>,
        first_row: usize,
        rows: usize,
    }

    impl<const N: usize> Tile<N> {
        fn new() -> Self {
            Self {
                packed: Vec::new(),
                norms: Vec::new(),
                first_row: 0,
                rows: 0,
            }
        }

        #[inline(always)]
        fn fill<L: Lanes>(&mut self, first_row: usize, rows: &[[u8; 128]]) {
            let steps = DIMENSIONS / L::PACK;
            let groups = rows.len().div_ceil(N * GROUPS) * GROUPS;
            (self.first_row, self.rows) = (first_row, rows.len());
            self.packed.clear();
            self.packed.resize(groups * steps, [0; N]);
            self.norms.clear();
            self.norms.resize(groups, [FILLER; N]);
            for (r, row) in rows.iter().enumerate() {
                let (group, lane) = (r / N, r % N);
                self.norms[group][lane] = norm(row);
                let packed = &mut self.packed[group * steps..(group + 1) * steps];
                for (pack, values) in packed.iter_mut().zip(row.chunks_exact(L::PACK)) {
                    pack[lane] = L::pack_row(values) as i32;
                }
            }
        }

        /// Copies what became nearest to the rows of this tile.
        fn hand_back(&self, nearest: &[([i32; N], [i32; N])], backward: &mut [Backward]) {
            let rows = backward[self.first_row..].iter_mut().take(self.rows);
            for (r, best) in rows.enumerate() {
                let (distances, indices) = &nearest[r / N];
                let (distance, index) = (distances[r % N], indices[r % N] as u32);
                *best = Backward { distance, index };
            }
        }
    }

    /// `N` must be `L::COUNT`, and the instructions of `L` must be there.
    #[inline(always)]
    unsafe fn search<L: Lanes, const N: usize>(
        queries: &[[u8; 128]],
        database: &[[u8; 128]],
        backward: &mut [Backward],
    ) -> Vec<NearestTwo> {
        debug_assert_eq!(N, L::COUNT);
        let steps = DIMENSIONS / L::PACK;
        let packed: Vec<i32> = queries
            .iter()
            .flat_map(|q| q.chunks_exact(L::PACK).map(|v| L::pack_query(v) as i32))
            .collect();
        let norms: Vec<i32> = queries.iter().map(L::query_norm).collect();
        let far = [i32::MAX; N];
        let mut state = vec![
            Forward {
                best: far,
                second: far,
                index: [0; N]
            };
            queries.len()
        ];
        let mut tile = Tile::<N>::new();
        let whole = queries.len() / QUERIES * QUERIES;
        for (number, rows) in database.chunks(TILE).enumerate() {
            tile.fill::<L>(number * TILE, rows);
            let groups = tile.norms.len();
            let mut nearest = vec![([i32::MAX; N], [0i32; N]); groups];
            for group in (0..groups).step_by(GROUPS) {
                for q in (0..whole).step_by(QUERIES) {
                    let side = Side {
                        first: q,
                        packed: &packed[q * steps..],
                        norms: &norms[q..],
                    };
                    // SAFETY: the caller's promise is passed on.
                    unsafe {
                        block::<L, N, QUERIES>(&side, &mut state[q..], &tile, group, &mut nearest);
                    }
                }
                for q in whole..queries.len() {
                    let side = Side {
                        first: q,
                        packed: &packed[q * steps..],
                        norms: &norms[q..],
                    };
                    // SAFETY: as above.
                    unsafe { block::<L, N, 1>(&side, &mut state[q..], &tile, group, &mut nearest) };
                }
            }
            if !backward.is_empty() {
                tile.hand_back(&nearest, backward);
            }
        }
        state.iter().map(reduce).collect()
    }

    /// Queries from `first` on.
    struct Side<'a> {
        first: usize,
        packed: &'a [i32],
        norms: &'a [i32],
    }

    /// Distances of `Q` queries to `GROUPS` groups, and what becomes nearest by them.
    #[inline(always)]
    unsafe fn block<L: Lanes, const N: usize, const Q: usize>(
        side: &Side,
        state: &mut [Forward<N>],
        tile: &Tile<N>,
        group: usize,
        nearest: &mut [([i32; N], [i32; N])],
    ) {
        let steps = DIMENSIONS / L::PACK;
        let queries = &side.packed[..Q * steps];
        let rows = &tile.packed[group * steps..(group + GROUPS) * steps];
        // SAFETY: the caller has the instructions; every pointer is the start of an array of `N`
        // lanes, which is what `load` and `store` touch.
        unsafe {
            let mut products = [[L::splat(0); GROUPS]; Q];
            for step in 0..steps {
                let loaded: [L; GROUPS] =
                    std::array::from_fn(|g| L::load(rows[g * steps + step].as_ptr()));
                for (q, sums) in products.iter_mut().enumerate() {
                    let query = L::splat(queries[q * steps + step]);
                    for g in 0..GROUPS {
                        sums[g] = sums[g].multiply_add(loaded[g], query);
                    }
                }
            }
            for g in 0..GROUPS {
                let norms = L::load(tile.norms[group + g].as_ptr());
                let rows = L::splat((tile.first_row + (group + g) * N) as i32);
                let (back, back_index) = &mut nearest[group + g];
                let mut back_best = L::load(back.as_ptr());
                let mut back_query = L::load(back_index.as_ptr());
                for q in 0..Q {
                    let norms = norms.add(L::splat(side.norms[q]));
                    let distance = products[q][g].distance(norms);
                    let s = &mut state[q];
                    let (best, second) = (L::load(s.best.as_ptr()), L::load(s.second.as_ptr()));
                    second.min(best.max(distance)).store(s.second.as_mut_ptr());
                    L::load(s.index.as_ptr())
                        .replace_where_less(distance, best, rows)
                        .store(s.index.as_mut_ptr());
                    best.min(distance).store(s.best.as_mut_ptr());
                    let number = L::splat((side.first + q) as i32);
                    back_query = back_query.replace_where_less(distance, back_best, number);
                    back_best = back_best.min(distance);
                }
                back_best.store(back.as_mut_ptr());
                back_query.store(back_index.as_mut_ptr());
            }
        }
    }

    /// The two nearest over all lanes; a lane's index is that of its group's first row.
    fn reduce<const N: usize>(state: &Forward<N>) -> NearestTwo {
        let mut nearest = 0;
        let key = |lane: usize| (state.best[lane], state.index[lane] as usize + lane);
        for lane in 1..N {
            if key(lane) < key(nearest) {
                nearest = lane;
            }
        }
        let second = (0..N)
            .map(|lane| {
                if lane == nearest {
                    state.second[lane]
                } else {
                    state.best[lane]
                }
            })
            .min()
            .unwrap_or(i32::MAX);
        let real = |distance: i32| {
            if distance >= FILLER / 2 {
                u32::MAX
            } else {
                distance as u32
            }
        };
        NearestTwo {
            index: key(nearest).1 as u32,
            distance: real(state.best[nearest]),
            second: real(second),
        }
    }
}
