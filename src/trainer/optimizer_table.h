/* Made by tests/interop/optimizer_table.py with torch 2.15.0: what torch.optim computes. */
#ifndef COVE_TRAINER_OPTIMIZER_TABLE_H
#define COVE_TRAINER_OPTIMIZER_TABLE_H

#define TABLE_N     5
#define TABLE_STEPS 20

static const float table_start[TABLE_N] = { 0.5f, -1.25f, 2.0f, 0.001f, -3.0f };
static const float table_offsets[3][TABLE_N] = { { 0.1f, -0.2f, 0.3f, 0.0f, 1.0f },
                                                 { -0.4f, 0.05f, 0.0f, 0.0002f, -0.5f },
                                                 { 0.25f, 0.125f, -1.0f, 1e-05f, 0.75f } };
static const float table_sgd[TABLE_N] = { 0.32715746760368347f, -0.7422147989273071f, 1.3607722520828247f,
                                          0.0005439274827949703f, -2.1203606128692627f };
static const float table_sgd_decay[TABLE_N] = { 0.29703083634376526f, -0.6692051291465759f, 1.2362266778945923f,
                                                0.0004874114238191396f, -1.9290653467178345f };
static const float table_sgd_momentum[TABLE_N] = { -0.12022403627634048f, 0.4515523910522461f, -0.07094184309244156f,
                                                   -0.0005311655695550144f, -0.08354008197784424f };
static const float table_sgd_dampening[TABLE_N] = { 0.004003156442195177f, 0.11393923312425613f, 0.2958753705024719f,
                                                    -0.00020014583424199373f, -0.7580617666244507f };
static const float table_sgd_nesterov[TABLE_N] = { -0.07403775304555893f, 0.3504377603530884f, 0.02802431769669056f,
                                                   -0.00044009278644807637f, -0.2143692970275879f };
static const float table_sgd_maximize[TABLE_N] = { 0.5936974883079529f, -1.5142762660980225f, 2.3296749591827393f,
                                                   0.0012353891506791115f, -3.4469895362854004f };
static const float table_adam[TABLE_N] = { 0.24751067161560059f, -0.8685210347175598f, 1.658945083618164f,
                                           -0.005435698665678501f, -2.642371654510498f };
static const float table_adam_amsgrad[TABLE_N] = { 0.27264025807380676f, -0.8717265129089355f, 1.679007887840271f,
                                                   -0.005480288527905941f, -2.6617519855499268f };
static const float table_adamw[TABLE_N] = { 0.2713286280632019f, -0.867607593536377f, 1.6719028949737549f,
                                            -0.005477124825119972f, -2.650681495666504f };
static const float table_adamw_betas[TABLE_N] = { 0.276539146900177f, -0.8156259059906006f, 1.5655488967895508f,
                                                  0.013372274115681648f, -2.458096504211426f };
static const float table_adamw_amsgrad[TABLE_N] = { 0.7833488583564758f, -1.6406017541885376f, 2.3327434062957764f,
                                                    0.40272200107574463f, -3.3388402462005615f };
static const double table_lr_step[10] = { 0.1, 0.1, 0.05, 0.05, 0.05, 0.025, 0.025, 0.025, 0.0125, 0.0125 };
static const double table_lr_cosine[10] = { 0.08681980515339464,  0.05500000000000001,
                                            0.023180194846605363, 0.01,
                                            0.023180194846605363, 0.05500000000000002,
                                            0.08681980515339469,  0.10000000000000006,
                                            0.0868198051533947,   0.05500000000000005 };
static const double table_lr_lambda[10] = { 0.09000000000000001,
                                            0.08100000000000002,
                                            0.0729,
                                            0.06561,
                                            0.05904900000000001,
                                            0.05314410000000001,
                                            0.04782969000000001,
                                            0.04304672100000001,
                                            0.03874204890000001,
                                            0.03486784401000001 };

#endif
