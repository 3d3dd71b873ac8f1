# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Kernels of `pydl.data.augmentation`: random numbers and changes of pixels, without the lock.

Images are seen as (N, H, W, C) with any strides, so that (N, C, H, W) arrays need no copy. Callers
check shapes and dtypes; what would leave memory is checked here again.
"""

from libc.math cimport ceil, cos, exp, fabs, floor, log, sqrt
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc

ctypedef fused pixel:
    uint8_t
    float


# --- random numbers -------------------------------------------------------------------------------

cdef double PI = 3.14159265358979323846


cdef struct Stream:
    # A sample's numbers: Philox4x32-10 with the seed as key and a counter of (index, epoch, step,
    # block), so that no number depends on how many were drawn for other samples.
    uint32_t key0, key1
    uint32_t index0, index1, epoch, step
    uint32_t block
    double spare
    bint has_spare


cdef void _philox(const Stream* stream, uint32_t* out) noexcept nogil:
    cdef uint32_t c0 = stream.index0, c1 = stream.index1, c2 = stream.epoch
    cdef uint32_t c3 = (stream.step << 16) ^ stream.block
    cdef uint32_t k0 = stream.key0, k1 = stream.key1
    cdef uint64_t p0, p1
    cdef int turn
    for turn in range(10):
        p0 = <uint64_t>0xD2511F53 * c0
        p1 = <uint64_t>0xCD9E8D57 * c2
        c0 = <uint32_t>(p1 >> 32) ^ c1 ^ k0
        c1 = <uint32_t>p1
        c2 = <uint32_t>(p0 >> 32) ^ c3 ^ k1
        c3 = <uint32_t>p0
        k0 = k0 + <uint32_t>0x9E3779B9
        k1 = k1 + <uint32_t>0xBB67AE85
    out[0] = c0
    out[1] = c1
    out[2] = c2
    out[3] = c3


cdef double _to_unit(uint32_t low, uint32_t high) noexcept nogil:
    """Map 64 random bits into [0, 1), to a multiple of 2**-53."""
    return <double>(((<uint64_t>high << 32) | low) >> 11) * (1.0 / 9007199254740992.0)


cdef double _next(Stream* stream) noexcept nogil:
    cdef uint32_t bits[4]
    if stream.has_spare:
        stream.has_spare = False
        return stream.spare
    _philox(stream, bits)
    stream.block += 1
    stream.spare = _to_unit(bits[2], bits[3])
    stream.has_spare = True
    return _to_unit(bits[0], bits[1])


cdef Stream _stream(uint64_t seed, uint32_t epoch, uint32_t step, uint64_t index) noexcept nogil:
    cdef Stream stream
    stream.key0, stream.key1 = <uint32_t>seed, <uint32_t>(seed >> 32)
    stream.index0, stream.index1 = <uint32_t>index, <uint32_t>(index >> 32)
    stream.epoch, stream.step, stream.block = epoch, step, 0
    stream.spare, stream.has_spare = 0.0, False
    return stream


cdef double _log_gamma_variate(Stream* stream, double alpha) noexcept nogil:
    """Logarithm of a gamma variate: Marsaglia and Tsang, 2000; small ones do not underflow."""
    cdef double shape = alpha if alpha >= 1.0 else alpha + 1.0
    cdef double d = shape - 1.0 / 3.0, normal, v, u
    cdef double c = 1.0 / sqrt(9.0 * d)
    while True:
        normal = sqrt(-2.0 * log(1.0 - _next(stream))) * cos(2.0 * PI * _next(stream))
        v = 1.0 + c * normal
        if v <= 0.0:
            continue
        v = v * v * v
        u = 1.0 - _next(stream)
        if log(u) < 0.5 * normal * normal + d - d * v + d * log(v):
            break
    if alpha >= 1.0:
        return log(d * v)
    return log(d * v) + log(1.0 - _next(stream)) / alpha


def uniform(uint64_t seed, uint32_t epoch, uint32_t step, const int64_t[::1] index,
            double[:, ::1] out):
    """Fill row i of `out` with the first numbers, in [0, 1), of the stream of `index[i]`."""
    cdef Py_ssize_t i, j
    cdef Stream stream
    if out.shape[0] != index.shape[0]:
        raise ValueError("uniform: expected one row of out per index")
    with nogil:
        for i in range(out.shape[0]):
            stream = _stream(seed, epoch, step, <uint64_t>index[i])
            for j in range(out.shape[1]):
                out[i, j] = _next(&stream)


def beta(uint64_t seed, uint32_t epoch, uint32_t step, const int64_t[::1] index, double alpha,
         double[::1] out):
    """Fill `out` with a Beta(alpha, alpha) variate of each index's stream."""
    cdef Py_ssize_t i
    cdef Stream stream
    cdef double first, second
    if out.shape[0] != index.shape[0]:
        raise ValueError("beta: expected one element of out per index")
    with nogil:
        for i in range(out.shape[0]):
            stream = _stream(seed, epoch, step, <uint64_t>index[i])
            first = _log_gamma_variate(&stream, alpha)
            second = _log_gamma_variate(&stream, alpha)
            out[i] = 1.0 / (1.0 + exp(second - first))


# --- what kernels share ---------------------------------------------------------------------------

cdef inline pixel _stored(double value, pixel like) noexcept nogil:
    """Convert a computed value: bytes are rounded and clipped, floats stay as they are."""
    if pixel is uint8_t:
        if value <= 0.0:
            return 0
        if value >= 255.0:
            return 255
        return <uint8_t>(value + 0.5)
    else:
        return <float>value


cdef int _check(const pixel[:, :, :, :] source, pixel[:, :, :, :] out, Py_ssize_t rows) except -1:
    if source.shape[0] != out.shape[0] or source.shape[3] != out.shape[3] or rows != out.shape[0]:
        raise ValueError("numbers of images, channels or parameters differ")
    if out.shape[1] > 0 and out.shape[2] > 0 and (source.shape[1] == 0 or source.shape[2] == 0):
        raise ValueError("images have no pixels")
    return 0


# --- geometry -------------------------------------------------------------------------------------

def window(const pixel[:, :, :, :] source, pixel[:, :, :, :] out, const int64_t[:, ::1] origin,
           const uint8_t[:, ::1] flip, double fill):
    """Copy a window of each image, mirrored or not.

    Row n of `origin` is (top, left) of the window in image n, which may lie outside of it: there
    `fill` is. Row n of `flip` says whether it is mirrored (up-down, left-right).
    """
    cdef Py_ssize_t n, y, x, c, sy, sx
    cdef Py_ssize_t height = source.shape[1], width = source.shape[2]
    cdef pixel outside = _stored[pixel](fill, <pixel>0)
    _check[pixel](source, out, origin.shape[0])
    if origin.shape[1] != 2 or flip.shape[0] != origin.shape[0] or flip.shape[1] != 2:
        raise ValueError("window: expected origin and flip (N, 2)")
    with nogil:
        for n in range(out.shape[0]):
            for y in range(out.shape[1]):
                sy = origin[n, 0] + (out.shape[1] - 1 - y if flip[n, 0] else y)
                for x in range(out.shape[2]):
                    sx = origin[n, 1] + (out.shape[2] - 1 - x if flip[n, 1] else x)
                    if 0 <= sy < height and 0 <= sx < width:
                        for c in range(out.shape[3]):
                            out[n, y, x, c] = source[n, sy, sx, c]
                    else:
                        for c in range(out.shape[3]):
                            out[n, y, x, c] = outside


cdef inline double _at(const pixel[:, :, :, :] source, Py_ssize_t n, Py_ssize_t y, Py_ssize_t x,
                       Py_ssize_t c, double fill) noexcept nogil:
    if 0 <= y < source.shape[1] and 0 <= x < source.shape[2]:
        return source[n, y, x, c]
    return fill


def affine(const pixel[:, :, :, :] source, pixel[:, :, :, :] out, const double[:, ::1] matrix,
           double fill):
    """Read each image at `matrix[n] = (a, b, c, d, e, f)` times the position, bilinearly.

    Position (y, x) of the result shows (a y + b x + c, d y + e x + f) of the source; `fill` lies
    around it.
    """
    cdef Py_ssize_t n, y, x, c, top, left
    cdef double sy, sx, wy, wx, upper, lower
    cdef bint inside
    _check[pixel](source, out, matrix.shape[0])
    if matrix.shape[1] != 6:
        raise ValueError("affine: expected matrices (N, 6)")
    with nogil:
        for n in range(out.shape[0]):
            for y in range(out.shape[1]):
                for x in range(out.shape[2]):
                    sy = matrix[n, 0] * y + matrix[n, 1] * x + matrix[n, 2]
                    sx = matrix[n, 3] * y + matrix[n, 4] * x + matrix[n, 5]
                    # Written so that NaN is far away, too.
                    if not (-1.0 < sy < source.shape[1] and -1.0 < sx < source.shape[2]):
                        for c in range(out.shape[3]):
                            out[n, y, x, c] = _stored[pixel](fill, <pixel>0)
                        continue
                    top, left = <Py_ssize_t>floor(sy), <Py_ssize_t>floor(sx)
                    wy, wx = sy - top, sx - left
                    inside = (0 <= top and top + 1 < source.shape[1]
                              and 0 <= left and left + 1 < source.shape[2])
                    for c in range(out.shape[3]):
                        if inside:
                            upper = ((1.0 - wx) * source[n, top, left, c]
                                     + wx * source[n, top, left + 1, c])
                            lower = ((1.0 - wx) * source[n, top + 1, left, c]
                                     + wx * source[n, top + 1, left + 1, c])
                        else:
                            upper = ((1.0 - wx) * _at[pixel](source, n, top, left, c, fill)
                                     + wx * _at[pixel](source, n, top, left + 1, c, fill))
                            lower = ((1.0 - wx) * _at[pixel](source, n, top + 1, left, c, fill)
                                     + wx * _at[pixel](source, n, top + 1, left + 1, c, fill))
                        out[n, y, x, c] = _stored[pixel]((1.0 - wy) * upper + wy * lower, <pixel>0)


cdef struct Taps:
    # Of each position along an axis of the result: its first source position, and the weights of
    # `width` positions from there.
    Py_ssize_t width
    Py_ssize_t* first
    double* weights


cdef void _make_taps(Taps* taps, Py_ssize_t size, Py_ssize_t count, double start,
                     double length) noexcept nogil:
    """Triangle filter from [start, start + length) of `size` positions to `count` positions.

    It is as wide as the reduction, so that nothing is skipped (antialiasing); what would reach
    outside of the source is left out and the other weights grow.
    """
    cdef double scale = length / count, support = max(1.0, length / count), centre, total, weight
    cdef Py_ssize_t i, j, first, last
    for i in range(count):
        centre = start + (i + 0.5) * scale
        first = max(<Py_ssize_t>floor(centre - support + 0.5), <Py_ssize_t>0)
        last = min(<Py_ssize_t>floor(centre + support + 0.5), size)
        first = max(min(first, size - 1), <Py_ssize_t>0)
        taps.first[i] = first
        total = 0.0
        for j in range(taps.width):
            weight = 0.0
            if first + j < last:
                weight = max(0.0, 1.0 - fabs((first + j + 0.5 - centre) / support))
            taps.weights[i * taps.width + j] = weight
            total += weight
        if total <= 0.0:  # rounding at the border: the nearest position
            taps.weights[i * taps.width] = total = 1.0
        for j in range(taps.width):
            taps.weights[i * taps.width + j] /= total


cdef int _allocate(Taps* taps, Py_ssize_t count, double length) noexcept nogil:
    taps.width = 2 * <Py_ssize_t>ceil(max(1.0, length / count)) + 1
    taps.first = <Py_ssize_t*>malloc(count * sizeof(Py_ssize_t))
    taps.weights = <double*>malloc(count * taps.width * sizeof(double))
    return taps.first != NULL and taps.weights != NULL


cdef void _resample(const pixel[:, :, :, :] source, pixel[:, :, :, :] out, Py_ssize_t n,
                    const Taps* down, const Taps* across, double* rows) noexcept nogil:
    """Resample one image: along the width into `rows`, then along the height."""
    cdef Py_ssize_t y, x, c, j, first, height = out.shape[1], width = out.shape[2]
    cdef Py_ssize_t channels = out.shape[3], top = down.first[0]
    cdef Py_ssize_t bottom = min(down.first[height - 1] + down.width, source.shape[1])
    cdef double total
    cdef const double* weights
    for y in range(top, bottom):
        for x in range(width):
            first, weights = across.first[x], across.weights + x * across.width
            for c in range(channels):
                total = 0.0
                for j in range(min(across.width, source.shape[2] - first)):
                    total = total + weights[j] * source[n, y, first + j, c]
                rows[((y - top) * width + x) * channels + c] = total
    for y in range(height):
        first, weights = down.first[y], down.weights + y * down.width
        for x in range(width):
            for c in range(channels):
                total = 0.0
                for j in range(min(down.width, source.shape[1] - first)):
                    total = (total + weights[j]
                             * rows[((first + j - top) * width + x) * channels + c])
                out[n, y, x, c] = _stored[pixel](total, <pixel>0)


def resized_crop(const pixel[:, :, :, :] source, pixel[:, :, :, :] out,
                 const double[:, ::1] boxes):
    """Resize box `boxes[n] = (top, left, height, width)` of each image to the size of `out`."""
    cdef Py_ssize_t n, height = out.shape[1], width = out.shape[2]
    cdef Taps down, across
    cdef double* rows
    cdef bint enough = True
    _check[pixel](source, out, boxes.shape[0])
    if boxes.shape[1] != 4:
        raise ValueError("resized_crop: expected boxes (N, 4)")
    for n in range(boxes.shape[0]):
        if not (boxes[n, 0] >= 0 and boxes[n, 1] >= 0 and boxes[n, 2] > 0 and boxes[n, 3] > 0
                and boxes[n, 0] + boxes[n, 2] <= source.shape[1] + 1e-6
                and boxes[n, 1] + boxes[n, 3] <= source.shape[2] + 1e-6):
            raise ValueError("resized_crop: a box reaches outside of its image")
    if height == 0 or width == 0 or out.shape[0] == 0 or out.shape[3] == 0:
        return
    with nogil:
        enough = _allocate(&down, height, source.shape[1] + 1.0)
        enough = _allocate(&across, width, source.shape[2] + 1.0) and enough
        rows = <double*>malloc(source.shape[1] * width * out.shape[3] * sizeof(double))
        if enough and rows != NULL:
            for n in range(out.shape[0]):
                _make_taps(&down, source.shape[1], height, boxes[n, 0], boxes[n, 2])
                _make_taps(&across, source.shape[2], width, boxes[n, 1], boxes[n, 3])
                _resample[pixel](source, out, n, &down, &across, rows)
        enough = enough and rows != NULL
        free(rows)
        free(down.first)
        free(down.weights)
        free(across.first)
        free(across.weights)
    if not enough:
        raise MemoryError("resized_crop: no memory for the intermediate image")


# --- colour ---------------------------------------------------------------------------------------

cdef inline double _clipped(double value, double top) noexcept nogil:
    return min(max(value, 0.0), top)


cdef inline double _grey(const double* rgb) noexcept nogil:
    """Luma of ITU-R 601-2, as Pillow and torchvision."""
    return 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]


cdef void _shift_hue(double* rgb, double shift, double top) noexcept nogil:
    """Turn the hue by `shift` of the circle; saturation and value (as of HSV) stay."""
    cdef double high = max(rgb[0], max(rgb[1], rgb[2])), low = min(rgb[0], min(rgb[1], rgb[2]))
    cdef double chroma = high - low, hue, part
    cdef int c, sector
    if chroma <= 0.0:
        return
    if high == rgb[0]:
        hue = (rgb[1] - rgb[2]) / chroma
    elif high == rgb[1]:
        hue = (rgb[2] - rgb[0]) / chroma + 2.0
    else:
        hue = (rgb[0] - rgb[1]) / chroma + 4.0
    hue += 6.0 * shift
    # A colour falls from `high` to `low` and rises again once around the circle of 6 sectors.
    for c in range(3):
        part = hue + 5.0 - 2.0 * c
        part -= 6.0 * floor(part / 6.0)
        rgb[c] = high - chroma * _clipped(min(part, 4.0 - part), 1.0)


def color_jitter(const pixel[:, :, :, :] source, pixel[:, :, :, :] out,
                 const double[:, ::1] factors):
    """Change brightness, contrast, saturation and hue, in this order, by row n of `factors`.

    Values lie in [0, 255] for bytes and [0, 1] for floats and are clipped after each change; bytes
    are rounded once, at the end. Images of one channel have neither saturation nor hue.
    """
    cdef Py_ssize_t n, y, x, c, channels = source.shape[3]
    cdef double top = 255.0 if pixel is uint8_t else 1.0, mean, grey
    cdef double brightness, contrast, saturation, hue
    cdef double value[3]
    cdef bint same_size = source.shape[1] == out.shape[1] and source.shape[2] == out.shape[2]
    _check[pixel](source, out, factors.shape[0])
    if factors.shape[1] != 4 or channels not in (1, 3) or not same_size:
        raise ValueError("color_jitter: expected factors (N, 4) and 1 or 3 channels")
    with nogil:
        for n in range(out.shape[0]):
            brightness, contrast = factors[n, 0], factors[n, 1]
            saturation, hue = factors[n, 2], factors[n, 3]
            mean = 0.0
            if contrast != 1.0:
                for y in range(out.shape[1]):
                    for x in range(out.shape[2]):
                        for c in range(channels):
                            value[c] = _clipped(brightness * source[n, y, x, c], top)
                        mean += _grey(value) if channels == 3 else value[0]
                mean /= max(out.shape[1] * out.shape[2], <Py_ssize_t>1)
            for y in range(out.shape[1]):
                for x in range(out.shape[2]):
                    for c in range(channels):
                        value[c] = source[n, y, x, c]
                        if brightness != 1.0:
                            value[c] = _clipped(brightness * value[c], top)
                        if contrast != 1.0:
                            value[c] = _clipped(mean + contrast * (value[c] - mean), top)
                    if channels == 3 and saturation != 1.0:
                        grey = _grey(value)
                        for c in range(3):
                            value[c] = _clipped(grey + saturation * (value[c] - grey), top)
                    if channels == 3 and hue != 0.0:
                        _shift_hue(value, hue, top)
                    for c in range(channels):
                        out[n, y, x, c] = _stored[pixel](value[c], <pixel>0)


def scale(const pixel[:, :, :, :] source, float[:, :, :, :] out, const double[::1] factor,
          const double[::1] offset):
    """Compute `source * factor + offset` with a factor and an offset per channel."""
    cdef Py_ssize_t n, y, x, c
    cdef float f, o
    if (source.shape[0] != out.shape[0] or source.shape[1] != out.shape[1]
            or source.shape[2] != out.shape[2] or source.shape[3] != out.shape[3]
            or factor.shape[0] != out.shape[3] or offset.shape[0] != out.shape[3]):
        raise ValueError("scale: expected images of one shape, a factor and offset per channel")
    with nogil:
        for n in range(out.shape[0]):
            for c in range(out.shape[3]):
                f, o = <float>factor[c], <float>offset[c]
                for y in range(out.shape[1]):
                    for x in range(out.shape[2]):
                        out[n, y, x, c] = source[n, y, x, c] * f + o


# --- parts of images, mixtures --------------------------------------------------------------------

def fill_boxes(pixel[:, :, :, :] images, const int64_t[:, ::1] boxes, double fill):
    """Overwrite rows `boxes[n, 0]` to `boxes[n, 1]`, columns 2 to 3 of each image, ends left out.

    What lies outside of the image is left out.
    """
    cdef Py_ssize_t n, y, x, c
    cdef pixel value = _stored[pixel](fill, <pixel>0)
    if boxes.shape[0] != images.shape[0] or boxes.shape[1] != 4:
        raise ValueError("fill_boxes: expected boxes (N, 4)")
    with nogil:
        for n in range(images.shape[0]):
            for y in range(max(boxes[n, 0], 0), min(boxes[n, 1], images.shape[1])):
                for x in range(max(boxes[n, 2], 0), min(boxes[n, 3], images.shape[2])):
                    for c in range(images.shape[3]):
                        images[n, y, x, c] = value


cdef int _check_partners(const int64_t[::1] partner, Py_ssize_t count) except -1:
    cdef Py_ssize_t n
    if partner.shape[0] != count:
        raise ValueError("expected one partner per image")
    for n in range(count):
        if not 0 <= partner[n] < count:
            raise IndexError(f"partner {partner[n]} is outside the {count} images")
    return 0


def blend(const pixel[:, :, :, :] source, pixel[:, :, :, :] out, const int64_t[::1] partner,
          const double[::1] weight):
    """Compute `weight[n] * image n + (1 - weight[n]) * image partner[n]`."""
    cdef Py_ssize_t n, m, y, x, c
    cdef double w
    _check[pixel](source, out, weight.shape[0])
    _check_partners(partner, out.shape[0])
    if source.shape[1] != out.shape[1] or source.shape[2] != out.shape[2]:
        raise ValueError("blend: sizes of source and out differ")
    with nogil:
        for n in range(out.shape[0]):
            m, w = partner[n], weight[n]
            for y in range(out.shape[1]):
                for x in range(out.shape[2]):
                    for c in range(out.shape[3]):
                        out[n, y, x, c] = _stored[pixel](
                            w * source[n, y, x, c] + (1.0 - w) * source[m, y, x, c], <pixel>0)


def paste_boxes(const pixel[:, :, :, :] source, pixel[:, :, :, :] out,
                const int64_t[::1] partner, const int64_t[:, ::1] boxes):
    """Copy each image, with box n, as for `fill_boxes`, taken from image `partner[n]`."""
    cdef Py_ssize_t n, m, y, x, c
    cdef bint row, other
    _check[pixel](source, out, boxes.shape[0])
    _check_partners(partner, out.shape[0])
    if (boxes.shape[1] != 4 or source.shape[1] != out.shape[1]
            or source.shape[2] != out.shape[2]):
        raise ValueError("paste_boxes: expected boxes (N, 4) and images of one size")
    with nogil:
        for n in range(out.shape[0]):
            for y in range(out.shape[1]):
                row = boxes[n, 0] <= y < boxes[n, 1]
                for x in range(out.shape[2]):
                    other = row and boxes[n, 2] <= x < boxes[n, 3]
                    m = partner[n] if other else n
                    for c in range(out.shape[3]):
                        out[n, y, x, c] = source[m, y, x, c]
