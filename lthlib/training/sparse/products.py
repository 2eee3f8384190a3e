"""Kernels of sparse products: what a linear or convolutional layer does with the weights it keeps.

Examples lie innermost: activations are [units, L] or [channels, height, width, L], where L, the lanes, is
the batch rounded up to whole tiles of TILE examples. So a weight is one number times a run of examples,
whatever the pattern of the mask, and the processor's vectors are always full. A layer's kept weights are a
list in the order of its outputs; `row[o]` to `row[o + 1]` are those of output o, and `at` says where in
the input each one's run of examples begins. Four weights are taken at a time, so that a partial sum is
loaded and stored once for four products. A layer in a network that is torch's otherwise takes and gives
torch's own order, [examples, units]: `linear_of_rows` turns a tile at a time, in the cache.
"""

import numpy as np

from lthlib.training.sparse.compiled import intrinsic, kernel

TILE = 64  # examples


@kernel
def linear(row, at, weights, bias, inputs, outputs, relu, add):
    """outputs[o] = bias[o] + sum of weights[p] * inputs[at[p]] over p of o, [units, L]; `relu` cuts it at
    zero, `add` adds to what is there in place of the bias."""
    zero = np.float32(0)
    total = np.empty(TILE, np.float32)
    for start in range(0, outputs.shape[1], TILE):
        for o in range(outputs.shape[0]):
            if add:
                for k in range(TILE):
                    total[k] = outputs[o, start + k]
            else:
                total[:] = bias[o]
            p, end = row[o], row[o + 1]
            while p + 4 <= end:
                wa, wb, wc, wd = weights[p], weights[p + 1], weights[p + 2], weights[p + 3]
                a = inputs[at[p], start : start + TILE]
                b = inputs[at[p + 1], start : start + TILE]
                c = inputs[at[p + 2], start : start + TILE]
                d = inputs[at[p + 3], start : start + TILE]
                for k in range(TILE):
                    total[k] += wa * a[k] + wb * b[k] + wc * c[k] + wd * d[k]
                p += 4
            while p < end:
                wa, a = weights[p], inputs[at[p], start : start + TILE]
                for k in range(TILE):
                    total[k] += wa * a[k]
                p += 1
            for k in range(TILE):
                outputs[o, start + k] = zero if relu and total[k] <= zero else total[k]


@kernel
def linear_gradient(row, at, inputs, gradients, of_weights, of_bias, add):
    """The gradients of the kept weights and of the bias, from those of the outputs [units, L]: for each
    weight one dot product over the examples, four at a time. `add` adds to what is there."""
    zero = np.float32(0)
    for o in range(gradients.shape[0]):
        if not add:
            for p in range(row[o], row[o + 1]):
                of_weights[p] = zero
            of_bias[o] = zero
        for start in range(0, gradients.shape[1], TILE):
            g = gradients[o, start : start + TILE]
            total = zero
            for k in range(TILE):
                total += g[k]
            of_bias[o] += total
            p, end = row[o], row[o + 1]
            while p + 4 <= end:
                a = inputs[at[p], start : start + TILE]
                b = inputs[at[p + 1], start : start + TILE]
                c = inputs[at[p + 2], start : start + TILE]
                d = inputs[at[p + 3], start : start + TILE]
                sa, sb, sc, sd = zero, zero, zero, zero
                for k in range(TILE):
                    v = g[k]
                    sa += v * a[k]
                    sb += v * b[k]
                    sc += v * c[k]
                    sd += v * d[k]
                of_weights[p] += sa
                of_weights[p + 1] += sb
                of_weights[p + 2] += sc
                of_weights[p + 3] += sd
                p += 4
            while p < end:
                a, sa = inputs[at[p], start : start + TILE], zero
                for k in range(TILE):
                    sa += g[k] * a[k]
                of_weights[p] += sa
                p += 1


@kernel
def reordered(weights, order, into):
    """into[p] = weights[order[p]]: the same weights in the order of another side of the layer."""
    for p in range(order.shape[0]):
        into[p] = weights[order[p]]


# How eight vectors of eight numbers are turned: in three rounds, which numbers two vectors that lie so far
# apart keep.
ROUNDS = (
    (1, (0, 8, 1, 9, 4, 12, 5, 13), (2, 10, 3, 11, 6, 14, 7, 15)),
    (2, (0, 1, 8, 9, 4, 5, 12, 13), (2, 3, 10, 11, 6, 7, 14, 15)),
    (4, (0, 1, 2, 3, 8, 9, 10, 11), (4, 5, 6, 7, 12, 13, 14, 15)),
)
ENDS = (0, 2, 1, 3, 4, 6, 5, 7)  # where the vectors of the turned block then are


@intrinsic
def turn_block(typing, source, begin, line, into, at, into_line):
    """8 x 8 numbers of the array `source`, from place `begin`, rows `line` numbers apart, turned into the
    array `into`, from place `at`: in vectors, three times as fast as one number at a time."""
    from llvmlite import ir
    from numba import types

    def instructions(context, builder, signature, arguments):
        vector = ir.VectorType(ir.FloatType(), 8)

        def places(array: int, first: int) -> list:
            data = context.make_array(signature.args[array])(context, builder, arguments[array]).data
            steps = [builder.mul(arguments[first + 1], ir.Constant(arguments[first + 1].type, i)) for i in range(8)]
            found = [builder.gep(data, [builder.add(arguments[first], step)]) for step in steps]
            return [builder.bitcast(place, vector.as_pointer()) for place in found]

        rows = [builder.load(place) for place in places(0, 1)]
        for row in rows:
            row.align = 4  # a number's, not a vector's
        for step, low, high in ROUNDS:
            picked = [ir.Constant(ir.VectorType(ir.IntType(32), 8), list(numbers)) for numbers in (low, high)]
            for i in (number for number in range(8) if not number & step):
                pair = rows[i], rows[i + step]
                rows[i], rows[i + step] = (builder.shuffle_vector(*pair, numbers) for numbers in picked)
        for end, place in zip(ENDS, places(3, 4)):
            builder.store(rows[end], place).align = 4
        return context.get_dummy_value()

    return types.void(source, types.intp, types.intp, into, types.intp, types.intp), instructions


@kernel
def turned(rows, start, count, into):
    """into[j, k] = rows[start + k, j] for `count` examples k; those behind, up to a tile, become zero."""
    width = rows.shape[1]
    whole, units = count - count % 8, width - width % 8
    for k in range(0, whole, 8):
        for j in range(0, units, 8):
            turn_block(rows, (start + k) * width + j, width, into, j * TILE + k, TILE)
    for k in range(count):
        for j in range(units if k < whole else 0, width):
            into[j, k] = rows[start + k, j]
    if count < TILE:
        for j in range(width):
            for k in range(count, TILE):
                into[j, k] = np.float32(0)


@kernel
def turned_back(numbers, start, count, rows):
    """rows[start + k, j] = numbers[j, k] for `count` examples k."""
    width = rows.shape[1]
    whole, units = count - count % 8, width - width % 8
    for k in range(0, whole, 8):
        for j in range(0, units, 8):
            turn_block(numbers, j * TILE + k, TILE, rows, (start + k) * width + j, width)
    for k in range(count):
        for j in range(units if k < whole else 0, width):
            rows[start + k, j] = numbers[j, k]


@kernel
def linear_of_rows(row, at, index, weights, values, bias, rows, outputs):
    """`linear` of examples as torch has them: rows [N, inputs], outputs [N, units]. `weights` are all of the
    layer's, flat; the kept ones, at `index`, go into `values` first."""
    reordered(weights, index, values)
    x = np.empty((rows.shape[1], TILE), np.float32)
    y = np.empty((outputs.shape[1], TILE), np.float32)
    for start in range(0, rows.shape[0], TILE):
        count = min(TILE, rows.shape[0] - start)
        turned(rows, start, count, x)
        linear(row, at, values, bias, x, y, False, False)
        turned_back(y, start, count, outputs)


@kernel
def linear_of_rows_gradient(row, at, index, back, back_at, order, values, rows, gradients, into, of_weights, of_bias, through):
    """The gradients of `linear_of_rows`, from those of its outputs [N, units]: of the inputs into `into`
    [N, inputs], if `through`; of the kept weights, at `index` in `of_weights`, which has all of the layer's,
    flat; and of the bias. `back`, `back_at` and `order` are the weights in the order of their inputs."""
    x = np.empty((rows.shape[1], TILE), np.float32)
    g = np.empty((gradients.shape[1], TILE), np.float32)
    found, none = np.empty_like(values), np.zeros(rows.shape[1], np.float32)
    back_values = np.empty_like(values)
    reordered(values, order, back_values)
    for start in range(0, rows.shape[0], TILE):
        count = min(TILE, rows.shape[0] - start)
        turned(rows, start, count, x)
        turned(gradients, start, count, g)
        linear_gradient(row, at, x, g, found, of_bias, start > 0)
        if through:
            linear(back, back_at, back_values, none, g, x, False, False)
            turned_back(x, start, count, into)
    for p in range(index.shape[0]):
        of_weights[index[p]] = found[p]


@kernel
def convolution(row, at, weights, bias, inputs, outputs, size, strides, relu, add):
    """outputs[o, r, c] = bias[o] + sum of weights[p] * inputs[at[p] + position], for windows that begin
    `strides` numbers (down, right) apart.

    inputs and outputs are flat; `outputs` has one row for each output channel, [O, whole], in which `size`
    says where the map begins, its rows, its columns, numbers from row to row, and lanes: five numbers. A
    tile is as many columns as make about 512 numbers.
    """
    zero = np.float32(0)
    begin, rows, columns, line, lanes = size
    down, right = strides
    together = right == lanes  # neighbouring windows begin at neighbouring columns
    span = max(1, 512 // lanes) if together else 1
    total = np.empty(span * lanes, np.float32)
    for r in range(rows):
        for o in range(outputs.shape[0]):
            for c in range(0, columns, span):
                n = min(span, columns - c) * lanes
                base, place = r * down + c * right, begin + r * line + c * lanes
                out = outputs[o, place : place + n]
                if add:
                    for k in range(n):
                        total[k] = out[k]
                else:
                    for k in range(n):
                        total[k] = bias[o]
                p, end = row[o], row[o + 1]
                while p + 4 <= end:
                    wa, wb, wc, wd = weights[p], weights[p + 1], weights[p + 2], weights[p + 3]
                    a = inputs[base + at[p] : base + at[p] + n]
                    b = inputs[base + at[p + 1] : base + at[p + 1] + n]
                    x = inputs[base + at[p + 2] : base + at[p + 2] + n]
                    d = inputs[base + at[p + 3] : base + at[p + 3] + n]
                    for k in range(n):
                        total[k] += wa * a[k] + wb * b[k] + wc * x[k] + wd * d[k]
                    p += 4
                while p < end:
                    wa, a = weights[p], inputs[base + at[p] : base + at[p] + n]
                    for k in range(n):
                        total[k] += wa * a[k]
                    p += 1
                for k in range(n):
                    out[k] = zero if relu and total[k] <= zero else total[k]


@kernel
def convolution_gradient(row, at, inputs, gradients, size, strides, of_weights, of_bias):
    """The gradients of the kept weights and of the bias; arguments as in `convolution`."""
    zero = np.float32(0)
    begin, rows, columns, line, lanes = size
    down, right = strides
    span = columns if right == lanes else 1
    for p in range(of_weights.shape[0]):
        of_weights[p] = zero
    for o in range(gradients.shape[0]):
        of_bias[o] = zero
    for r in range(rows):
        for o in range(gradients.shape[0]):
            for c in range(0, columns, span):
                n = min(span, columns - c) * lanes
                base, place = r * down + c * right, begin + r * line + c * lanes
                g = gradients[o, place : place + n]
                total = zero
                for k in range(n):
                    total += g[k]
                of_bias[o] += total
                p, end = row[o], row[o + 1]
                while p + 4 <= end:
                    a = inputs[base + at[p] : base + at[p] + n]
                    b = inputs[base + at[p + 1] : base + at[p + 1] + n]
                    x = inputs[base + at[p + 2] : base + at[p + 2] + n]
                    d = inputs[base + at[p + 3] : base + at[p + 3] + n]
                    sa, sb, sc, sd = zero, zero, zero, zero
                    for k in range(n):
                        v = g[k]
                        sa += v * a[k]
                        sb += v * b[k]
                        sc += v * x[k]
                        sd += v * d[k]
                    of_weights[p] += sa
                    of_weights[p + 1] += sb
                    of_weights[p + 2] += sc
                    of_weights[p + 3] += sd
                    p += 4
                while p < end:
                    a, sa = inputs[base + at[p] : base + at[p] + n], zero
                    for k in range(n):
                        sa += g[k] * a[k]
                    of_weights[p] += sa
                    p += 1


@kernel
def convolution_spread(row, at, weights, gradients, inputs, size, strides):
    """Adds each output's gradient, times its weights, to the gradients of the inputs: the backward pass of a
    convolution whose windows are further apart than one column. `inputs` is flat; arguments as in
    `convolution`."""
    begin, rows, columns, line, lanes = size
    down, right = strides
    for r in range(rows):
        for o in range(gradients.shape[0]):
            for c in range(columns):
                base, place = r * down + c * right, begin + r * line + c * lanes
                g = gradients[o, place : place + lanes]
                for p in range(row[o], row[o + 1]):
                    w, x = weights[p], inputs[base + at[p] : base + at[p] + lanes]
                    for k in range(lanes):
                        x[k] += w * g[k]
