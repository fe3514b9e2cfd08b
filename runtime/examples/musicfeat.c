/* What a musicfeat model hears in a WAV file. Nothing is needed but the model file and ONNX Runtime's C API:
 *     gcc -std=c11 -O2 -I ORT/include runtime/examples/musicfeat.c -o musicfeat -L ORT/lib -lonnxruntime -lm
 *     LD_LIBRARY_PATH=ORT/lib ./musicfeat runtime/musicfeat/models/music-small.onnx song.wav
 *
 * ORT is ONNX Runtime's release archive; Debian's libonnxruntime-dev wants -I /usr/include/onnxruntime and no -L. The
 * library of Python's onnxruntime serves too, linked as libonnxruntime.so and .so.1 in a folder. Little-endian only. */
#include <math.h>
#include <onnxruntime_c_api.h>
#include <stdio.h>

#define FAIL(...) (fprintf(stderr, __VA_ARGS__), fputc('\n', stderr), exit(1))
enum { PCM = 1, FLOAT = 3, EXTENSIBLE = 0xFFFE, MAX_LABELS = 256, TOP = 5 };

typedef struct { /* The chunk "fmt " as it lies in the file. */
    uint16_t kind, channels;
    uint32_t rate, bytes_per_second;
    uint16_t frame_bytes, bits, extra_bytes, valid_bits, mask[2], real_kind;
} Format;

static const OrtApi *ort;
static void check(OrtStatus *status) { if (status) FAIL("ONNX Runtime: %s", ort->GetErrorMessage(status)); }

static long open_wav(const char *path, FILE *file, Format *format) { /* How many frames follow from here. */
    struct { char name[4]; uint32_t size; } chunk; char riff[12];
    if (!file) FAIL("%s cannot be opened", path);
    int known = fread(riff, 1, 12, file) == 12 && !memcmp(riff, "RIFF", 4) && !memcmp(riff + 8, "WAVE", 4);
    while (known && fread(&chunk, 1, 8, file) == 8 && memcmp(chunk.name, "data", 4)) {
        long next = ftell(file) + chunk.size + chunk.size % 2;
        if (!memcmp(chunk.name, "fmt ", 4) && !fread(format, 1, fmin(chunk.size, sizeof *format), file)) break;
        fseek(file, next, SEEK_SET);
    }
    int kind = format->kind == EXTENSIBLE ? format->real_kind : format->kind;
    if (!(kind == PCM && format->bits == 16) && !(kind == FLOAT && format->bits == 32))
        FAIL("%s is not a WAV file of 16-bit or float samples: ffmpeg -i %s -c:a pcm_s16le song.wav", path, path);
    return format->channels ? chunk.size / (format->channels * format->bits / 8) : 0;
}

static long read_mono(FILE *file, const Format *format, float *mono, long size) { /* How many there were to read. */
    union { int16_t pcm; float real; } sample;
    memset(mono, 0, size * sizeof *mono);
    for (long i = 0; i < size; i++)
        for (int channel = 0; channel < format->channels; channel++) {
            if (!fread(&sample, format->bits / 8, 1, file)) return i;
            mono[i] += (format->bits == 16 ? sample.pcm / 32768.0f : sample.real) / format->channels;
        }
    return size;
}

int main(int count, char **words) {
    if (count != 3) FAIL("usage: %s MODEL.onnx SONG.wav", words[0]);
    if (!(ort = OrtGetApiBase()->GetApi(ORT_API_VERSION)))
        FAIL("ONNX Runtime %s is older than its header, API %d", OrtGetApiBase()->GetVersionString(), ORT_API_VERSION);
    OrtEnv *env; OrtSessionOptions *options; OrtSession *session; OrtAllocator *allocator; OrtMemoryInfo *memory;
    OrtModelMetadata *card; OrtTypeInfo *type; const OrtTensorTypeAndShapeInfo *tensor;
    OrtValue *input, *output[3] = {0};
    check(ort->CreateEnv(ORT_LOGGING_LEVEL_ERROR, "musicfeat", &env));
    check(ort->CreateSessionOptions(&options));
    check(ort->CreateSession(env, words[1], options, &session));
    check(ort->GetAllocatorWithDefaultOptions(&allocator));
    check(ort->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory));
    char *rate, *list, *labels[MAX_LABELS];
    int64_t shape[2], outs = 2, n_labels = 0;
    check(ort->SessionGetModelMetadata(session, &card));
    check(ort->ModelMetadataLookupCustomMetadataMap(card, allocator, "sample_rate", &rate));
    check(ort->ModelMetadataLookupCustomMetadataMap(card, allocator, "labels", &list));
    check(ort->SessionGetInputTypeInfo(session, 0, &type));
    check(ort->CastTypeInfoToTensorInfo(type, &tensor));
    check(ort->GetDimensions(tensor, shape, 2)); /* [batch, samples of a window] */
    if (!rate || !list || shape[1] < 1) FAIL("%s is not a musicfeat model: use musicfeat-export", words[1]);
    for (strtok(list, "\""); n_labels < MAX_LABELS && (labels[n_labels] = strtok(NULL, "\"")); strtok(NULL, "\""))
        n_labels++, outs = 3; /* Every other part of ["banjo", "cello"]. */
    Format format = {0}; FILE *file = fopen(words[2], "rb");
    long left = open_wav(words[2], file, &format), size = shape[1], start = 0, heard = 0;
    if (format.rate != strtoul(rate, NULL, 10))
        FAIL("%s has %u Hz, the model hears %s Hz: ffmpeg -i %s -ar %s song.wav, or musicfeat-export %s -o model.onnx "
             "--resample %u", words[2], format.rate, rate, words[2], rate, words[1], format.rate);
    float *mono = malloc(4 * size), tags[MAX_LABELS] = {0}, *value[3];
    int kind = ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
    check(ort->CreateTensorWithDataAsOrtValue(memory, mono, 4 * size, (int64_t[]){1, size}, 2, kind, &input));
    for (long valid; (valid = read_mono(file, &format, mono, fmin(left, size))) > 0; left -= valid, start += valid) {
        float peak = 0; /* The level does not matter to a model, but the squares of its input must not overflow. */
        for (long i = 0; i < valid; i++) peak = fmaxf(peak, fabsf(mono[i]));
        if (peak <= 1e-6f) { printf("%8.2f s  silent\n", start / (double)format.rate); continue; }
        for (long i = 0; i < size; i++) mono[i] = i < valid ? ldexpf(mono[i], -ilogbf(peak)) : 0;
        const char *inputs[] = {"waveform"}, *outputs[] = {"reversal", "jigsaw", "tags"};
        check(ort->Run(session, NULL, inputs, (const OrtValue *const *)&input, 1, outputs, outs, output));
        for (int i = 0; i < outs; i++) check(ort->GetTensorMutableData(output[i], (void **)&value[i]));
        printf("%8.2f s  ", start / (double)format.rate);
        printf(valid < format.rate ? "too short to judge" : "P(backwards) %.4f", *value[0]);
        printf(valid < size ? "\n" : "  P(out of order) %.4f\n", *value[1]);
        for (int i = 0; i < n_labels; i++) tags[i] += value[2][i] * valid;
        heard += valid;
    }
    if (!heard) FAIL("%s holds no sound", words[2]);
    for (int rank = 0, best = 0; rank < TOP && rank < n_labels; rank++, tags[best] = -1) {
        for (int i = 0; i < n_labels; i++) best = tags[i] > tags[best] ? i : best;
        printf("%10.4f  %s\n", tags[best] / heard, labels[best]);
    }
    return 0;
}
