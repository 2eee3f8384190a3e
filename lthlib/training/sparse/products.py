"""Kernels of sparse products: what a linear or convolutional layer does with the weights it keeps.

Examples lie innermost: activations are [units, L] or [channels, height, width, L], where L, the lanes, is
the batch rounded up to whole tiles of TILE examples. So a weight is one number times a run of examples,
whatever the pattern of the mask, and the processor's vectors are always full. A layer's kept weights are a
list in the order of its outputs; `row[o]` to `row[o + 1]` are those of output o, and `at` says where in
the input each one's run of examples begins. Four weights are taken at a time, so that a partial sum is
loaded and stored once for four products.
"""

import numpy as np

from lthlib.training.sparse.compiled import kernel

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
def linear_gradient(row, at, inputs, gradients, of_weights, of_bias):
    """The gradients of the kept weights and of the bias, from those of the outputs [units, L]: for each
    weight one dot product over the examples, four at a time."""
    zero = np.float32(0)
    for o in range(gradients.shape[0]):
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
