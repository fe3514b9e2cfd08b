/* Sound that is handed to the library: checked, and brought to the model's rate. */
#include "internal.h"

#include <math.h>

static const float LOUDEST = 1e30f;

mf_status mfi_hear(const mf_model *model, const float *samples, size_t count, uint32_t rate, Sound *sound) {
    *sound = (Sound){samples, count, NULL};
    if (!samples || !count) return mfi_fail(MF_INPUT, "audio is empty: at least one sample is needed");
    TRY(mfi_check_rate(rate));
    for (size_t i = 0; i < count; i++)
        if (!(fabsf(samples[i]) <= LOUDEST))
            return mfi_fail(MF_INPUT, "audio holds NaN or infinite values, or some beyond %g: replace them", LOUDEST);
    if (rate == model->rate) return MF_OK;
    TRY(mf_resample(samples, count, rate, (uint32_t)model->rate, &sound->owned, &sound->count));
    sound->samples = sound->owned;
    return MF_OK;
}
