/* WAV files of 16-bit and float samples; little-endian machines only. */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PCM = 1, FLOAT = 3, EXTENSIBLE = 0xFFFE, FIRST_ROOM = 1 << 16 };

typedef struct { /* The chunk "fmt " as it lies in the file. */
    uint16_t kind, channels;
    uint32_t rate, bytes_per_second;
    uint16_t frame_bytes, bits, extra_bytes, valid_bits, mask[2], real_kind;
} Format;

/* Read up to the sound, which has so many bytes. */
static mf_status find_sound(FILE *file, const char *path, Format *format, size_t *bytes) {
    struct { char name[4]; uint32_t size; } chunk = {{0}, 0};
    char riff[12];
    int known = fread(riff, 1, 12, file) == 12 && !memcmp(riff, "RIFF", 4) && !memcmp(riff + 8, "WAVE", 4), found = 0;
    while (known && fread(&chunk, 1, 8, file) == 8 && !(found = !memcmp(chunk.name, "data", 4))) {
        long next = ftell(file) + (long)chunk.size + (long)(chunk.size % 2);
        size_t size = chunk.size < sizeof *format ? chunk.size : sizeof *format;
        if (!memcmp(chunk.name, "fmt ", 4) && !fread(format, 1, size, file)) break;
        if (fseek(file, next, SEEK_SET)) break;
    }
    int kind = format->kind == EXTENSIBLE ? format->real_kind : format->kind;
    *bytes = chunk.size;
    if (found && format->channels && ((kind == PCM && format->bits == 16) || (kind == FLOAT && format->bits == 32)))
        return MF_OK;
    return mfi_fail(MF_INPUT, "%.150s is not a WAV file of 16-bit or float samples: ffmpeg -i %.150s -c:a pcm_s16le "
                    "song.wav", path, path);
}

static float mean(const char *frame, const Format *format) {
    float sum = 0;
    for (uint16_t channel = 0; channel < format->channels; channel++) {
        int16_t integer;
        float real;
        if (format->bits == 16) memcpy(&integer, frame + 2 * channel, 2), real = (float)integer / 32768;
        else memcpy(&real, frame + 4 * channel, 4);
        sum += real / (float)format->channels;
    }
    return sum;
}

/* The mean of the channels; as many samples as there are, whatever the header says. */
static mf_status read_mono(FILE *file, const Format *format, size_t bytes, float **samples, size_t *count) {
    size_t frame = (size_t)format->channels * format->bits / 8, room = FIRST_ROOM;
    char *values;
    TRY(mfi_reserve(&values, frame, 1));
    mf_status status = mfi_reserve(samples, room, sizeof **samples);
    for (*count = 0; !status && (*count + 1) * frame <= bytes && fread(values, frame, 1, file); ++*count) {
        if (*count == room) {
            float *more = realloc(*samples, 2 * room * sizeof *more);
            if (!more) { status = mfi_fail(MF_MEMORY, "no memory is left for the sound"); break; }
            *samples = more, room *= 2;
        }
        (*samples)[*count] = mean(values, format);
    }
    free(values);
    return status;
}

mf_status mf_read_wav(const char *path, float **samples, size_t *count, uint32_t *sample_rate) {
    Format format = {0};
    size_t bytes = 0;
    if (!path || !samples || !count || !sample_rate)
        return mfi_fail(MF_INPUT, "a path and places for samples, their number and rate are needed");
    *samples = NULL, *count = 0, *sample_rate = 0;
    FILE *file = fopen(path, "rb");
    if (!file) return mfi_fail(MF_INPUT, "%.400s cannot be opened", path);
    mf_status status = find_sound(file, path, &format, &bytes);
    if (!status) status = read_mono(file, &format, bytes, samples, count);
    fclose(file);
    *sample_rate = format.rate;
    if (!status) return MF_OK;
    mf_free_samples(*samples);
    *samples = NULL, *count = 0;
    return status;
}
