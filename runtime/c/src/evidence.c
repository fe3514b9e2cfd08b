/* Evidence of continuity: -log(P / (1 - P)) of a probability of a cut, which can be averaged and interpolated. */
#include "internal.h"

#include <math.h>

static const double CERTAIN = 1e-6;

double mfi_evidence_of(double probability) {
    double p = fmin(fmax(probability, CERTAIN), 1 - CERTAIN);
    return -log(p / (1 - p));
}

double mfi_evidence_at(const Timing *timing, const float *row, double seconds) {
    double place = fmin(fmax((seconds - timing->first) / timing->step, 0), (double)(timing->moments - 1));
    size_t before = (size_t)place, behind = before + 1 < timing->moments ? before + 1 : before;
    double share = place - (double)before;
    return (1 - share) * mfi_evidence_of(row[before]) + share * mfi_evidence_of(row[behind]);
}
