//! How mean and matrix of a projection are found.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor as llt;
use faer::linalg::evd;
use faer::linalg::matmul::matmul;
use faer::linalg::triangular_solve::solve_lower_triangular_in_place;
use faer::{Accum, Mat, MatMut, MatRef, Par};

use crate::Error;

/// Rows that are taken to double precision at a time.
const BLOCK: usize = 512;
/// A variance below this share of the largest is what rounding leaves.
const RANK: f64 = 1e-10;
/// The same for a squared pivot of a Cholesky factor and the mean diagonal.
const PIVOT: f64 = 1e-12;

/// Mean and matrix, row by row.
type Parts = (Vec<f32>, Vec<f32>);

/// Principal components; see [`crate::Projection::pca_attenuated`].
pub fn pca(samples: &[f32], input: usize, output: usize, strength: f64) -> Result<Parts, Error> {
    let rows = rows_of(samples, input)?;
    if rows < 2 {
        return Err(too_few("samples", rows, 2));
    }
    let mean = mean_of(samples.chunks_exact(input), input);
    let (values, vectors) = if rows < input {
        through_inner_products(samples, &mean)?
    } else {
        let mut covariance = scatter(samples, &mean);
        scale(covariance.as_mut(), 1.0 / (rows - 1) as f64);
        eigen(covariance.as_ref())?
    };
    let largest = values.first().copied().unwrap_or(0.0);
    let spanned = values.iter().take_while(|&&v| v > RANK * largest).count();
    let keep = if output == 0 { spanned.max(1) } else { output };
    if spanned == 0 || keep > values.len() || (strength != 0.0 && keep > spanned) {
        return Err(too_few("dimensions spanned by the samples", spanned, keep));
    }
    let mut matrix = Vec::with_capacity(keep * input);
    for (column, &value) in values[..keep].iter().enumerate() {
        // Half of the strength: the value is a variance.
        let scale = value.max(f64::MIN_POSITIVE).powf(-0.5 * strength);
        push_row(
            &mut matrix,
            (0..input).map(|i| vectors[(i, column)] * scale),
        );
    }
    Ok((to_f32(&mean), matrix))
}

/// Whitening learned from pairs; see [`crate::Projection::learned`].
pub fn learned(
    samples: &[f32],
    input: usize,
    pairs: &[(u32, u32)],
    output: usize,
) -> Result<Parts, Error> {
    let rows = rows_of(samples, input)?;
    if pairs.is_empty() {
        return Err(too_few("pairs", 0, 1));
    }
    if let Some(&(a, b)) = pairs.iter().find(|&&(a, b)| a.max(b) as usize >= rows) {
        return Err(Error::UnknownRow {
            row: a.max(b) as usize,
            rows,
        });
    }
    let row = |i: u32| &samples[i as usize * input..][..input];
    let mean = mean_of(pairs.iter().map(|&(first, _)| row(first)), input);
    let zero = vec![0f64; input];
    let mut within = Mat::<f64>::zeros(input, input);
    for block in pairs.chunks(BLOCK) {
        let differences: Vec<f32> = block
            .iter()
            .flat_map(|&(a, b)| row(a).iter().zip(row(b)).map(|(x, y)| x - y))
            .collect();
        add_scatter(within.as_mut(), &differences, &zero);
    }
    scale(within.as_mut(), 1.0 / pairs.len() as f64);
    let factor = cholesky(&within)?;
    // L⁻¹ · scatter · L⁻ᵀ, the scatter of the samples once pairs are white.
    let mut white = scatter(samples, &mean);
    solve_lower_triangular_in_place(factor.as_ref(), white.as_mut(), Par::Seq);
    let mut white = white.transpose().to_owned();
    solve_lower_triangular_in_place(factor.as_ref(), white.as_mut(), Par::Seq);
    let (values, vectors) = eigen(white.as_ref())?;
    let keep = match output {
        0 => values.len(),
        wanted => wanted,
    };
    // Rows uᵀ·L⁻¹ are columns of L⁻ᵀ·u.
    let mut directions = vectors.subcols(0, keep).to_owned();
    faer::linalg::triangular_solve::solve_upper_triangular_in_place(
        factor.transpose(),
        directions.as_mut(),
        Par::Seq,
    );
    let mut matrix = Vec::with_capacity(keep * input);
    for column in 0..keep {
        push_row(&mut matrix, (0..input).map(|i| directions[(i, column)]));
    }
    Ok((to_f32(&mean), matrix))
}

fn rows_of(samples: &[f32], input: usize) -> Result<usize, Error> {
    if samples.is_empty() || !samples.len().is_multiple_of(input) {
        return Err(Error::Shape {
            numbers: samples.len(),
            dimension: input,
        });
    }
    match samples.iter().position(|x| !x.is_finite()) {
        Some(at) => Err(Error::NotFinite { row: at / input }),
        None => Ok(samples.len() / input),
    }
}

fn too_few(what: &'static str, found: usize, needed: usize) -> Error {
    Error::TooFew {
        what,
        found,
        needed,
    }
}

fn mean_of<'a>(rows: impl ExactSizeIterator<Item = &'a [f32]>, input: usize) -> Vec<f64> {
    let count = rows.len() as f64;
    let mut sum = vec![0f64; input];
    for row in rows {
        for (sum, &x) in sum.iter_mut().zip(row) {
            *sum += f64::from(x);
        }
    }
    sum.iter_mut().for_each(|x| *x /= count);
    sum
}

fn to_f32(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&x| x as f32).collect()
}

/// Adds a direction; of its two signs the one that makes the first of its largest entries positive.
fn push_row(matrix: &mut Vec<f32>, row: impl Iterator<Item = f64>) {
    let start = matrix.len();
    matrix.extend(row.map(|x| x as f32));
    let row = &mut matrix[start..];
    let largest = row
        .iter()
        .fold(0f32, |most, &x| if x.abs() > most.abs() { x } else { most });
    if largest < 0.0 {
        row.iter_mut().for_each(|x| *x = -*x);
    }
}

fn centred(samples: &[f32], mean: &[f64]) -> Vec<f64> {
    samples
        .chunks_exact(mean.len())
        .flat_map(|row| row.iter().zip(mean).map(|(&x, &m)| f64::from(x) - m))
        .collect()
}

/// Sum over the samples of the outer product of sample minus mean with itself.
fn scatter(samples: &[f32], mean: &[f64]) -> Mat<f64> {
    let mut sum = Mat::<f64>::zeros(mean.len(), mean.len());
    for block in samples.chunks(BLOCK * mean.len()) {
        add_scatter(sum.as_mut(), block, mean);
    }
    sum
}

fn add_scatter(sum: MatMut<'_, f64>, samples: &[f32], mean: &[f64]) {
    let block = centred(samples, mean);
    // Samples are columns.
    let block = MatRef::from_column_major_slice(&block, mean.len(), samples.len() / mean.len());
    matmul(sum, Accum::Add, block, block.transpose(), 1.0, Par::Seq);
}

fn scale(matrix: MatMut<'_, f64>, factor: f64) {
    for column in matrix.col_iter_mut() {
        column.iter_mut().for_each(|x| *x *= factor);
    }
}

/// Eigenvalues in descending order and their vectors as columns.
fn eigen(matrix: MatRef<'_, f64>) -> Result<(Vec<f64>, Mat<f64>), Error> {
    let n = matrix.nrows();
    let mut vectors = Mat::<f64>::zeros(n, n);
    let mut values = faer::Col::<f64>::zeros(n);
    let mut memory = MemBuffer::new(evd::self_adjoint_evd_scratch::<f64>(
        n,
        evd::ComputeEigenvectors::Yes,
        Par::Seq,
        Default::default(),
    ));
    evd::self_adjoint_evd(
        matrix,
        values.as_mut().as_diagonal_mut(),
        Some(vectors.as_mut()),
        Par::Seq,
        MemStack::new(&mut memory),
        Default::default(),
    )
    .map_err(|_| Error::Decomposition)?;
    // Ascending so far.
    let vectors = vectors.reverse_cols().to_owned();
    let values = values.iter().rev().copied().collect();
    Ok((values, vectors))
}

/// With fewer samples than dimensions: if X·Xᵀ·u = s·u for the centred samples X (as rows), then Xᵀ·u/√s is a
/// principal direction of variance s/(n − 1).
fn through_inner_products(samples: &[f32], mean: &[f64]) -> Result<(Vec<f64>, Mat<f64>), Error> {
    let (input, rows) = (mean.len(), samples.len() / mean.len());
    let centred = centred(samples, mean);
    let columns = MatRef::from_column_major_slice(&centred, input, rows);
    let mut products = Mat::<f64>::zeros(rows, rows);
    matmul(
        products.as_mut(),
        Accum::Replace,
        columns.transpose(),
        columns,
        1.0,
        Par::Seq,
    );
    let (sums, small) = eigen(products.as_ref())?;
    let largest = sums.first().copied().unwrap_or(0.0);
    let spanned = sums.iter().take_while(|&&s| s > RANK * largest).count();
    let mut vectors = Mat::<f64>::zeros(input, spanned);
    matmul(
        vectors.as_mut(),
        Accum::Replace,
        columns,
        small.subcols(0, spanned),
        1.0,
        Par::Seq,
    );
    for (column, &sum) in vectors.as_mut().col_iter_mut().zip(&sums) {
        column.iter_mut().for_each(|x| *x /= sum.sqrt());
    }
    let values = sums[..spanned]
        .iter()
        .map(|&s| s / (rows - 1) as f64)
        .collect();
    Ok((values, vectors))
}

/// Lower Cholesky factor, after adding as little to the diagonal as makes there be one.
fn cholesky(matrix: &Mat<f64>) -> Result<Mat<f64>, Error> {
    let n = matrix.nrows();
    let mean = (0..n).map(|i| matrix[(i, i)]).sum::<f64>() / n as f64;
    if mean <= 0.0 {
        return Err(too_few("pairs of different vectors", 0, 1));
    }
    let mut memory = MemBuffer::new(llt::cholesky_in_place_scratch::<f64>(
        n,
        Par::Seq,
        Default::default(),
    ));
    for added in std::iter::once(0.0).chain((-10..=0).map(|power| mean * 10f64.powi(power))) {
        let mut factor = matrix.clone();
        for i in 0..n {
            factor[(i, i)] += added;
        }
        let found = llt::cholesky_in_place(
            factor.as_mut(),
            Default::default(),
            Par::Seq,
            MemStack::new(&mut memory),
            Default::default(),
        );
        // A pivot that is nothing but rounding would blow its direction up.
        let sound = (0..n).all(|i| factor[(i, i)].powi(2) > PIVOT * mean);
        if found.is_ok() && sound {
            return Ok(factor);
        }
    }
    Err(Error::Decomposition)
}
