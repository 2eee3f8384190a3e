"""Kernels of everything between two products: examples into lanes, ReLU, pooling, batch norm, loss,
optimisers.

An array of activations is [channels, whole]: for each channel a map with a border, rows after each other,
columns after each other, examples innermost. `size` says where the map begins, its rows, its columns,
numbers from row to row, and lanes (see `products`).
"""

import numpy as np

from lthlib.training.sparse.compiled import kernel


@kernel
def gather(data, index, into, size):
    """Examples data[index[k]], [channels * rows * columns] each, into lane k; four at a time, since their
    numbers lie far apart. Lanes behind the last example keep what they have."""
    begin, rows, columns, line, lanes = size
    count = index.shape[0]
    for k in range(0, count - count % 4, 4):
        a, b, c, d = data[index[k]], data[index[k + 1]], data[index[k + 2]], data[index[k + 3]]
        j = 0
        for channel in range(into.shape[0]):
            for r in range(rows):
                place = begin + r * line + k
                for _ in range(columns):
                    into[channel, place] = a[j]
                    into[channel, place + 1] = b[j]
                    into[channel, place + 2] = c[j]
                    into[channel, place + 3] = d[j]
                    place += lanes
                    j += 1
    for k in range(count - count % 4, count):
        a, j = data[index[k]], 0
        for channel in range(into.shape[0]):
            for r in range(rows):
                place = begin + r * line + k
                for _ in range(columns):
                    into[channel, place] = a[j]
                    place += lanes
                    j += 1


@kernel
def cut_gradient(outputs, size, gradients, of):
    """The gradient through a ReLU: zero where its output is zero. In place."""
    begin, rows, columns, line, lanes = size
    gbegin, _, _, gline, _ = of
    zero = np.float32(0)
    for o in range(outputs.shape[0]):
        for r in range(rows):
            y = outputs[o, begin + r * line : begin + r * line + columns * lanes]
            g = gradients[o, gbegin + r * gline : gbegin + r * gline + columns * lanes]
            for k in range(columns * lanes):
                g[k] = zero if y[k] <= zero else g[k]


@kernel
def copied(inputs, size, outputs, of, add):
    """outputs = inputs, or where `add`, outputs += inputs; their borders may differ."""
    begin, rows, columns, line, lanes = size
    obegin, _, _, oline, _ = of
    for o in range(inputs.shape[0]):
        for r in range(rows):
            x = inputs[o, begin + r * line : begin + r * line + columns * lanes]
            y = outputs[o, obegin + r * oline : obegin + r * oline + columns * lanes]
            for k in range(columns * lanes):
                y[k] = y[k] + x[k] if add else x[k]


@kernel
def added(a, size_a, b, size_b, outputs, of, relu):
    """outputs = a + b, cut at zero where `relu`."""
    begin, rows, columns, line, lanes = size_a
    begin_b, _, _, line_b, _ = size_b
    obegin, _, _, oline, _ = of
    zero = np.float32(0)
    for o in range(a.shape[0]):
        for r in range(rows):
            x = a[o, begin + r * line : begin + r * line + columns * lanes]
            z = b[o, begin_b + r * line_b : begin_b + r * line_b + columns * lanes]
            y = outputs[o, obegin + r * oline : obegin + r * oline + columns * lanes]
            for k in range(columns * lanes):
                total = x[k] + z[k]
                y[k] = zero if relu and total <= zero else total


@kernel
def normalised_by_batch(inputs, size, outputs, of, batch, scale, shift, eps, mean, variance, inverse, relu):
    """Batch norm in training: every channel's mean, biased variance and 1 / sqrt(variance + eps) over the
    first `batch` lanes go into these arrays, then outputs = scale * (inputs - mean) * inverse + shift, cut
    at zero where `relu`. A channel at a time, which stays in the cache for all three passes."""
    begin, rows, columns, line, lanes = size
    obegin, _, _, oline, _ = of
    zero = np.float32(0)
    count = rows * columns * batch
    runs, length = (1, columns * lanes) if batch == lanes else (columns, batch)
    for o in range(inputs.shape[0]):
        whole = 0.0
        for r in range(rows):
            for c in range(runs):
                x, part = inputs[o, begin + r * line + c * lanes : begin + r * line + c * lanes + length], zero
                for k in range(length):
                    part += x[k]
                whole += part
        middle, square = np.float32(whole / count), 0.0
        for r in range(rows):
            for c in range(runs):
                x, part = inputs[o, begin + r * line + c * lanes : begin + r * line + c * lanes + length], zero
                for k in range(length):
                    part += (x[k] - middle) * (x[k] - middle)
                square += part
        mean[o], variance[o] = middle, np.float32(square / count)
        inverse[o] = np.float32(1) / np.sqrt(variance[o] + eps)
        a = scale[o] * inverse[o]
        b = shift[o] - middle * a
        for r in range(rows):
            x = inputs[o, begin + r * line : begin + r * line + columns * lanes]
            y = outputs[o, obegin + r * oline : obegin + r * oline + columns * lanes]
            for k in range(columns * lanes):
                total = a * x[k] + b
                y[k] = zero if relu and total <= zero else total


@kernel
def added_gradient(outputs, size, gradients, of, into, size_into, add, relu):
    """into = gradients, or where `add`, into += gradients; zero in place of them where `relu` and the
    output is zero."""
    begin, rows, columns, line, lanes = size
    gbegin, _, _, gline, _ = of
    ibegin, _, _, iline, _ = size_into
    zero = np.float32(0)
    for o in range(outputs.shape[0]):
        for r in range(rows):
            y = outputs[o, begin + r * line : begin + r * line + columns * lanes]
            g = gradients[o, gbegin + r * gline : gbegin + r * gline + columns * lanes]
            d = into[o, ibegin + r * iline : ibegin + r * iline + columns * lanes]
            for k in range(columns * lanes):
                passed = zero if relu and y[k] <= zero else g[k]
                d[k] = d[k] + passed if add else passed


@kernel
def normalised(inputs, size, outputs, of, scale, shift, relu):
    """outputs = scale[channel] * inputs + shift[channel], cut at zero where `relu`."""
    begin, rows, columns, line, lanes = size
    obegin, _, _, oline, _ = of
    zero = np.float32(0)
    for o in range(inputs.shape[0]):
        a, b = scale[o], shift[o]
        for r in range(rows):
            x = inputs[o, begin + r * line : begin + r * line + columns * lanes]
            y = outputs[o, obegin + r * oline : obegin + r * oline + columns * lanes]
            for k in range(columns * lanes):
                total = a * x[k] + b
                y[k] = zero if relu and total <= zero else total


@kernel
def normalised_gradient(
    inputs, size, gradients, of, into, size_into, batch, scale, shift, mean, inverse, of_scale, of_shift, relu, add
):
    """The gradient through batch norm in training (Ioffe & Szegedy 2015, section 3), and before that
    through its ReLU where `relu`, for the first `batch` lanes; zero for those behind."""
    begin, rows, columns, line, lanes = size
    gbegin, _, _, gline, _ = of
    ibegin, _, _, iline, _ = size_into
    zero = np.float32(0)
    count = rows * columns * batch
    runs, length = (1, columns * lanes) if batch == lanes else (columns, batch)
    for o in range(inputs.shape[0]):
        middle, one, two = mean[o], 0.0, 0.0
        a = scale[o] * inverse[o]
        b = shift[o] - middle * a
        for r in range(rows):
            for c in range(runs):
                x = inputs[o, begin + r * line + c * lanes : begin + r * line + c * lanes + length]
                g = gradients[o, gbegin + r * gline + c * lanes : gbegin + r * gline + c * lanes + length]
                sum_g, sum_gx = zero, zero
                for k in range(length):
                    passed = zero if relu and a * x[k] + b <= zero else g[k]
                    sum_g += passed
                    sum_gx += passed * (x[k] - middle)
                one += sum_g
                two += sum_gx
        inv = inverse[o]
        of_shift[o], of_scale[o] = np.float32(one), np.float32(two * inv)
        less, slope = np.float32(one / count), np.float32(two * inv * inv / count)
        for r in range(rows):
            for c in range(runs):
                x = inputs[o, begin + r * line + c * lanes : begin + r * line + c * lanes + length]
                g = gradients[o, gbegin + r * gline + c * lanes : gbegin + r * gline + c * lanes + length]
                d = into[o, ibegin + r * iline + c * lanes : ibegin + r * iline + c * lanes + length]
                for k in range(length):
                    passed = zero if relu and a * x[k] + b <= zero else g[k]
                    value = a * (passed - less - (x[k] - middle) * slope)
                    d[k] = d[k] + value if add else value
                if batch < lanes and not add:
                    into[o, ibegin + r * iline + c * lanes + batch : ibegin + r * iline + (c + 1) * lanes] = zero


@kernel
def max_pooled(inputs, size, outputs, of, window, strides, winners):
    """The largest number of each window [rows, columns] and, in `winners` [channels, rows, columns, L], where
    it is; the first of several, as torch has it."""
    begin, _, _, line, lanes = size
    obegin, rows, columns, oline, _ = of
    for o in range(inputs.shape[0]):
        for r in range(rows):
            for c in range(columns):
                first = begin + r * strides[0] * line + c * strides[1] * lanes
                y = outputs[o, obegin + r * oline + c * lanes : obegin + r * oline + (c + 1) * lanes]
                w = winners[o, r, c]
                x = inputs[o, first : first + lanes]
                for k in range(lanes):
                    y[k], w[k] = x[k], first
                for i in range(window[0]):
                    for j in range(window[1]):
                        place = first + i * line + j * lanes
                        x = inputs[o, place : place + lanes]
                        for k in range(lanes):
                            larger = x[k] > y[k] or x[k] != x[k]  # what is no number wins, as in torch
                            y[k] = x[k] if larger else y[k]
                            w[k] = np.int32(place) if larger else w[k]


@kernel
def max_pooled_gradient(gradients, of, winners, into):
    """Adds each output's gradient to the gradient of the number that won, in `into` [channels, whole]."""
    begin, rows, columns, line, lanes = of
    for o in range(gradients.shape[0]):
        for r in range(rows):
            for c in range(columns):
                g = gradients[o, begin + r * line + c * lanes : begin + r * line + (c + 1) * lanes]
                w = winners[o, r, c]
                for k in range(lanes):
                    into[o, w[k] + k] += g[k]


@kernel
def mean_pooled(inputs, size, outputs, of, window, strides):
    """The mean of each window [rows, columns]."""
    begin, _, _, line, lanes = size
    obegin, rows, columns, oline, _ = of
    share = np.float32(1.0 / (window[0] * window[1]))
    for o in range(inputs.shape[0]):
        for r in range(rows):
            for c in range(columns):
                y = outputs[o, obegin + r * oline + c * lanes : obegin + r * oline + (c + 1) * lanes]
                y[:] = np.float32(0)
                for i in range(window[0]):
                    for j in range(window[1]):
                        place = begin + (r * strides[0] + i) * line + (c * strides[1] + j) * lanes
                        x = inputs[o, place : place + lanes]
                        for k in range(lanes):
                            y[k] += share * x[k]


@kernel
def mean_pooled_gradient(gradients, of, into, size, window, strides):
    """Adds each output's gradient, in equal shares, to its window."""
    begin, _, _, line, lanes = size
    obegin, rows, columns, oline, _ = of
    share = np.float32(1.0 / (window[0] * window[1]))
    for o in range(gradients.shape[0]):
        for r in range(rows):
            for c in range(columns):
                g = gradients[o, obegin + r * oline + c * lanes : obegin + r * oline + (c + 1) * lanes]
                for i in range(window[0]):
                    for j in range(window[1]):
                        place = begin + (r * strides[0] + i) * line + (c * strides[1] + j) * lanes
                        x = into[o, place : place + lanes]
                        for k in range(lanes):
                            x[k] += share * g[k]


@kernel
def cross_entropy_gradient(outputs, targets, gradients):
    """The gradient of the mean cross-entropy of logits [classes, L] for class numbers [batch]; zero in the
    lanes behind them."""
    batch, classes = targets.shape[0], outputs.shape[0]
    share = np.float32(1.0 / batch)
    for k in range(outputs.shape[1]):
        if k >= batch:
            for i in range(classes):
                gradients[i, k] = np.float32(0)
            continue
        top, total = outputs[0, k], np.float32(0)
        for i in range(1, classes):
            top = max(top, outputs[i, k])
        for i in range(classes):
            gradients[i, k] = np.exp(outputs[i, k] - top)
            total += gradients[i, k]
        factor = share / total
        for i in range(classes):
            gradients[i, k] *= factor
        gradients[targets[k], k] -= share


@kernel
def judged(outputs, targets):
    """Over the first lanes of logits [classes, L], as many as there are class numbers [batch]: the sum of
    cross-entropies, and how often the largest logit is the class's, the first of several."""
    losses, hits = 0.0, 0.0
    for k in range(targets.shape[0]):
        top, winner = outputs[0, k], 0
        for i in range(1, outputs.shape[0]):
            x = outputs[i, k]
            if x > top or (x != x and top == top):  # what is no number wins, as in torch
                top, winner = x, i
        total = np.float32(0)
        for i in range(outputs.shape[0]):
            total += np.exp(outputs[i, k] - top)
        losses += np.log(total) - (outputs[targets[k], k] - top)
        hits += winner == targets[k]
    return losses, hits


@kernel
def adam_step(values, gradients, first, second, rate, correction, decay, apart):
    """One step of Adam (Kingma & Ba 2015) in place. `rate` is already divided by 1 - 0.9**t, `correction`
    is the root of 1 - 0.999**t. `decay` is the weight decay: added to the gradient, or where `apart`,
    taken from the values (Loshchilov & Hutter 2019), in which case it is the product with the learning
    rate."""
    for i in range(values.shape[0]):
        g = gradients[i]
        if apart:
            values[i] -= decay * values[i]
        else:
            g += decay * values[i]
        m = first[i] + np.float32(0.1) * (g - first[i])
        v = np.float32(0.999) * second[i] + np.float32(0.001) * g * g
        first[i], second[i] = m, v
        values[i] -= rate * m / (np.sqrt(v) / correction + np.float32(1e-8))


@kernel
def sgd_step(values, gradients, velocity, rate, momentum, decay):
    """One step of stochastic gradient descent with momentum and weight decay, in place, as torch has it."""
    for i in range(values.shape[0]):
        v = momentum * velocity[i] + gradients[i] + decay * values[i]
        velocity[i] = v
        values[i] -= rate * v
